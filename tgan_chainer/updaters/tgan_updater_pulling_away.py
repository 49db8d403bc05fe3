"""Wasserstein GAN whose fake videos keep away from each other; not in the paper."""
from tgan_chainer.updaters.tgan_updater_wgan import TGANUpdaterWGANSVC


class TGANUpdaterWGANPullingAway(TGANUpdaterWGANSVC):
    """:class:`TGANUpdaterWGANSVC` with a pulling-away term in the loss of the generators.

    A critic scores every video alone and cannot see that those of a batch are alike. In trainings
    of some thousand updates they become one movement, of more or less contrast. The term (Zhao,
    Mathieu, LeCun: Energy-based generative adversarial network, ICLR 2017, section 2.4) is the mean
    squared cosine between two of a batch: there of features, here of videos, black being 0.

    Args:
        freq (int): Updates from one clipping to the next.
        pull (float): Norm of the term's gradient over that of the critic's, at the videos. The
            term's is taken at the videos' directions, whatever their contrast.
    """

    def __init__(self, models, iterator, optimizer, device=None, freq: int = 1, pull: float = 0.5,
                 shuffle_time_order: float | None = None):
        super().__init__(models, iterator, optimizer, device, freq, shuffle_time_order)
        self.pull = pull

    def _backward_generators(self, variable, grad):
        apart = pulling_away_gradient(variable.array)
        scale = self.pull * (grad ** 2).sum() ** 0.5 / ((apart ** 2).sum() ** 0.5 + 1e-8)
        super()._backward_generators(variable, grad + scale * apart)


def pulling_away_gradient(videos):
    """Gradient of half the sum, over pairs of videos (B, ...) in [-1, 1], of their squared cosines.

    It is that at the videos' directions: at right angles to each, and of no length where all
    videos are at right angles to each other.
    """
    x = videos.reshape(len(videos), -1) + 1
    directions = x / ((x ** 2).sum(1, keepdims=True) ** 0.5 + 1e-6)    # a black video has none
    cosines = directions @ directions.T
    apart = cosines @ directions - (cosines ** 2).sum(1, keepdims=True) * directions
    return apart.reshape(videos.shape)
