"""Makes what the log says of a training on many devices true of all of them."""
import chainer
from chainer.training import extension


class AverageOverRanks(extension.Extension):
    """Replace every reported value, which all ranks must have, by its mean, on the device."""

    name = 'average_over_ranks'
    priority = extension.PRIORITY_WRITER + 2    # before whoever looks at the values

    def __init__(self, ranks):
        self.ranks = ranks

    def __call__(self, trainer):
        observation = trainer.observation
        values = [chainer.as_array(observation[key]) for key in observation]
        xp = chainer.backend.get_array_module(*values)
        observation.update(zip(observation, self.ranks.mean(xp.stack(values)), strict=True))
