"""Links that Chainer's own do not provide: Chainer 2 statistics, fast convolutions on the CPU."""
from chainer.links import Linear

from tgan_chainer.links.batch_normalization import BatchNormalization
from tgan_chainer.links.convolution import (
    Convolution2D,
    ConvolutionND,
    Deconvolution2D,
    DeconvolutionND,
)

__all__ = ['BatchNormalization', 'Convolution2D', 'ConvolutionND', 'Deconvolution2D',
           'DeconvolutionND', 'Linear']
