"""The links hold Chainer's parameters and compute Chainer's outputs, on this package's kernels.

Tolerance 1e-12 in float64: see tests/functions/test_convolution_nd.py.
"""
import chainer
import chainer.links as L
import numpy as np
import pytest

from tgan_chainer.links import convolution

CONSTRUCTIONS = {
    'Convolution2D': ((3, 5, 4, 2, 1), (2, 3, 8, 8)),
    'Convolution2D lazy': ((None, 5, 3, 1, 1), (2, 3, 7, 5)),
    'Convolution2D short': ((5, 3), (2, 3, 7, 5)),
    'ConvolutionND': ((3, 2, 5, 4, 2, 1), (2, 2, 4, 8, 8)),
    'ConvolutionND lazy': ((1, None, 5, 4, 2, 1), (2, 3, 8)),
    'Deconvolution2D': ((3, 5, 4, 2, 1), (2, 3, 4, 4)),
    'Deconvolution2D lazy': ((None, 5, 4, 2, 1), (2, 3, 4, 4)),
    'DeconvolutionND': ((1, 3, 5, 1), (4, 3, 1)),
    'DeconvolutionND lazy': ((3, None, 5, 4, 2, 1), (2, 3, 2, 4, 4)),
}


@pytest.fixture(autouse=True)
def float64_parameters():
    with chainer.using_config('dtype', np.float64):
        yield


def pair(name, arguments, **keywords):
    links = []
    for module in (L, convolution):
        np.random.seed(7)
        links.append(getattr(module, name.split()[0])(*arguments, **keywords))
    return links


@pytest.mark.parametrize('nobias', [False, True])
@pytest.mark.parametrize('name', CONSTRUCTIONS)
def test_parameters_outputs_and_gradients(name, nobias):
    arguments, shape = CONSTRUCTIONS[name]
    theirs, ours = pair(name, arguments, nobias=nobias)
    # With an array in place of the variable, Deconvolution2D of Chainer 7.8.1 fails in backward.
    x = chainer.Variable(np.random.RandomState(0).standard_normal(shape))
    outputs = []
    for link in (theirs, ours):
        np.random.seed(8)    # lazy parameters are drawn now
        outputs.append(link(x))
        link.cleargrads()
        outputs[-1].grad = np.cos(outputs[-1].array)
        outputs[-1].backward()
    np.testing.assert_allclose(outputs[1].array, outputs[0].array, rtol=1e-12, atol=1e-12)
    for (name, p), (same, q) in zip(theirs.namedparams(), ours.namedparams(), strict=True):
        assert name == same    # the keys of a snapshot
        np.testing.assert_array_equal(q.array, p.array)
        np.testing.assert_allclose(q.grad, p.grad, rtol=1e-12, atol=1e-11)
    assert type(outputs[1].creator).__module__.startswith('tgan_chainer.')


@pytest.mark.parametrize('name, arguments, keywords, shape', [
    ('Convolution2D', (4, 6, 3, 1, 1), {'dilate': 2}, (2, 4, 9, 9)),
    ('Convolution2D', (4, 6, 3, 1, 1), {'groups': 2}, (2, 4, 9, 9)),
    ('ConvolutionND', (1, 4, 6, 3, 2, 1), {'cover_all': True}, (2, 4, 8)),
    ('ConvolutionND', (1, 4, 6, 3, 2, 1), {'dilate': 2}, (2, 4, 8)),
    ('Deconvolution2D', (4, 6, 4, 2, 1), {'outsize': (9, 8)}, (2, 4, 4, 4)),
    ('DeconvolutionND', (3, 4, 6, 4, 2, 1), {'outsize': (4, 5, 5)}, (2, 4, 2, 2, 2)),
    ('DeconvolutionND', (1, 4, 6, 4, 2, 1), {'groups': 2}, (2, 4, 4))])
def test_other_options_run_chainers_functions(name, arguments, keywords, shape):
    theirs, ours = pair(name, arguments, **keywords)
    x = np.random.RandomState(0).standard_normal(shape)
    y = ours(x)
    np.testing.assert_array_equal(theirs(x).array, y.array)
    assert type(y.creator).__module__.startswith('chainer.')
