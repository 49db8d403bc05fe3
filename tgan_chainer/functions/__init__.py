"""CPU kernels behind Chainer's FunctionNode; on the GPU Chainer's own functions run."""
from tgan_chainer.functions.activation import LeakyReLU, relu
from tgan_chainer.functions.convolution_nd import convolution_nd, deconvolution_nd
from tgan_chainer.functions.pooling import max_pooling_3d

__all__ = ['LeakyReLU', 'convolution_nd', 'deconvolution_nd', 'max_pooling_3d', 'relu']
