def pytest_configure(config):
    # chainer.gradient_check imports chainer.testing, which uses these marks while it is imported.
    for mark in ('gpu', 'multi_gpu', 'cudnn', 'nccl', 'ideep', 'chainerx'):
        config.addinivalue_line('markers', f'{mark}: used by chainer.testing')
