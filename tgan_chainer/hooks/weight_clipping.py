"""Weight clipping (Arjovsky et al. 2017; paper §3.3)."""
import chainer


class WeightClipping:
    """Optimizer hook: clip every parameter, biases and gammas too, to [-c, c] after each update.

    Raises:
        ValueError: ``c`` is not positive.
    """

    name = 'WeightClipping'
    call_for_each_param = True
    timing = 'post'

    def __init__(self, c=0.01):
        if c <= 0:
            raise ValueError(f'c is {c}: expected a positive bound')
        self.c = c

    def __call__(self, rule, param):
        array = param.array
        if array is not None:
            with chainer.using_device(param.device):
                param.device.xp.clip(array, -self.c, self.c, out=array)
