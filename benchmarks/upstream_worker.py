"""The worker of the authors' algorithm on Chainer's own kernels.

    python upstream_worker.py DIR GPU

DIR is a checkout of the authors' repository, whose code runs as it is, or the stand-in of the
tests, which computes the same; GPU is -1 for the CPU. Stands alone but for its neighbours and three
files of `parity/`, and keeps to the syntax of Python 3.6, for it may run on Chainer 2.0.2.
Nothing is written to DIR.
"""
import contextlib
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, 'parity'))
FOLDER, GPU = sys.argv[1], int(sys.argv[2])
if GPU >= 0:
    with contextlib.suppress(ImportError):
        import tgan_chainer  # noqa: F401 -- has CuPy find the CUDA libraries of NVIDIA's wheels

import numpy as np  # noqa: E402
import recipe  # noqa: E402
from serving import serve  # noqa: E402
from upstream_runner import Checkout, chainer, driver, environment  # noqa: E402

if GPU >= 0:
    chainer.cuda.get_device_from_id(GPU).use()
clock, peak = recipe.chainer_device(np if GPU < 0 else chainer.cuda.cupy)


def start():
    """The works of the checkout, and what it is."""
    checkout = Checkout(FOLDER, GPU)
    works = recipe.chainer_works(driver, checkout, clock, (
        lambda network, x: network(x, layers=['prob'])['prob']))
    return works, dict(environment(), directory=checkout.folder)


serve(start, lambda: {'peak': peak()})
