"""A stand-in for CuPy on NumPy's memory that is as strict towards host arrays as CuPy is."""
from trust.gpu.double.modules import install

__all__ = ['install']
