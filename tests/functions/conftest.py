"""What the tests of functions share."""
import chainer
import numpy as np


def pytest_configure(config):
    # chainer.gradient_check imports chainer.testing, which uses these marks while it is imported.
    for mark in ('gpu', 'multi_gpu', 'cudnn', 'nccl', 'ideep', 'chainerx'):
        config.addinivalue_line('markers', f'{mark}: used by chainer.testing')


def output_and_gradients(function, arrays, gy=None, order='C'):
    """Of a function of arrays, which it leaves as they are; ``gy`` is random by default."""
    variables = [chainer.Variable(array.copy('K')) for array in arrays]
    y = function(*variables)
    gy = np.random.RandomState(1).standard_normal(y.shape).astype(y.dtype) if gy is None else gy
    y.grad = np.array(gy, order=order)
    y.backward()
    for array, variable in zip(arrays, variables, strict=True):
        np.testing.assert_array_equal(array, variable.array)
    return [y.array, *(variable.grad for variable in variables)]
