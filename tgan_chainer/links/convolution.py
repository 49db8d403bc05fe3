"""Chainer's convolution links on the CPU kernels of this package.

Only ``forward`` differs, and only where the link has no dilation, groups, or given output size.
Where those kernels do not run, the functions of :mod:`~tgan_chainer.functions` are Chainer's.
"""
import chainer.links as L
import numpy as np

from tgan_chainer.functions.convolution_nd import convolution_nd, deconvolution_nd


class _OnCPUKernels:
    def forward(self, x):
        """x (N, in_channels, *size) -> (N, out_channels, *out_size), as Chainer's."""
        outsize = getattr(self, 'outsize', None)    # a deconvolution's
        if not (np.all(np.equal(self.dilate, 1)) and self.groups == 1
                and not getattr(self, 'cover_all', False)
                and (outsize is None or set(outsize) == {None})):
            return super().forward(x)
        if self.W.array is None:
            self._initialize_params(x.shape[1])
        function = deconvolution_nd if hasattr(self, 'outsize') else convolution_nd
        return function(x, self.W, self.b, self.stride, self.pad)


class Convolution2D(_OnCPUKernels, L.Convolution2D):
    """Chainer's, on this package's CPU kernels."""


class ConvolutionND(_OnCPUKernels, L.ConvolutionND):
    """Chainer's, on this package's CPU kernels."""


class Deconvolution2D(_OnCPUKernels, L.Deconvolution2D):
    """Chainer's, on this package's CPU kernels."""


class DeconvolutionND(_OnCPUKernels, L.DeconvolutionND):
    """Chainer's, on this package's CPU kernels."""
