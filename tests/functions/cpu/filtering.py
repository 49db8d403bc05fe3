"""All that a module of kernels computes of a correlation."""
import numpy as np


def kernels(module, batch, channels, outputs, size, correlation, dtype=np.float64):
    """Results of random arrays -> {name: array}; without a bias, too."""
    x, W, y, b, c = arguments(batch, channels, outputs, size, correlation, dtype)
    return {
        'y': module.correlate(x, W, b, correlation),
        'x': module.transpose_correlate(y, W, c, correlation, size),
        'W': module.filter_gradient(x, y, correlation),
        'y without bias': module.correlate(x, W, None, correlation),
        'x without bias': module.transpose_correlate(y, W, None, correlation, size),
    }


def arguments(batch, channels, outputs, size, correlation, dtype=np.float64):
    """x, W, y, and the biases of y and of x."""
    rng = np.random.RandomState(0)
    return [rng.standard_normal(shape).astype(dtype) for shape in (
        (batch, channels, *size), (outputs, channels, *correlation.ksize),
        (batch, outputs, *correlation.out_size), outputs, channels)]


def assert_same_bits_of_all_threads(monkeypatch, *shapes):
    runs = []
    for threads in '12352':
        monkeypatch.setenv('TGAN_NUM_THREADS', threads)
        runs.append(kernels(*shapes, np.float32))
    for run in runs[1:]:
        for name, result in run.items():
            np.testing.assert_array_equal(result, runs[0][name], err_msg=name)
