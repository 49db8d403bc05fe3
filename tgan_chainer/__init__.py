"""TGAN (Saito, Matsumoto, Saito: ICCV 2017), a Chainer-faithful reproduction."""
from tgan_chainer import compat

compat.install()

__version__ = '0.1.0'
