"""CPU kernels behind Chainer's FunctionNode; on the GPU Chainer's own functions run."""
from tgan_chainer.functions.convolution_nd import convolution_nd, deconvolution_nd

__all__ = ['convolution_nd', 'deconvolution_nd']
