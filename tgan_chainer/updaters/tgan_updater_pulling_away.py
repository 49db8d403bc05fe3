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
        fades_below (float): Root mean square of the cosines from which on it is the less, the less
            they are; of Moving MNIST's own videos it is 0.16, or 0.10 with one digit.

    Raises:
        ValueError: ``pull`` is below 0 or infinite, or ``fades_below`` not above 0.
    """

    def __init__(self, models, iterator, optimizer, device=None, freq: int = 1, pull: float = 0.5,
                 fades_below: float = 0.15, shuffle_time_order: float | None = None):
        super().__init__(models, iterator, optimizer, device, freq, shuffle_time_order)
        if not (0 <= pull < float('inf') and fades_below > 0):
            raise ValueError(f'pull is {pull}, fades_below {fades_below}: expected a number of at '
                             'least 0, and one above 0')
        self.pull, self.fades_below = pull, fades_below

    def _update_generators(self, variable, grad):
        apart, alike = pulling_away(variable.array)
        share = self.pull * (alike / self.fades_below).clip(0, 1)
        scale = share * (grad ** 2).sum() ** 0.5 / ((apart ** 2).sum() ** 0.5 + 1e-8)
        super()._update_generators(variable, grad + scale * apart)


def pulling_away(videos):
    """How alike videos (B, ...) in [-1, 1] are, and what makes them more so.

    Returns:
        The gradient of half the sum, over all pairs, of squared cosines, at the videos' directions:
        at right angles to each. And the root mean square of the cosines, an array ().
    """
    x = videos.reshape(len(videos), -1) + 1
    directions = x / ((x ** 2).sum(1, keepdims=True) ** 0.5 + 1e-6)    # a black video has none
    cosines = directions @ directions.T
    squares = (cosines ** 2).sum(1, keepdims=True)
    apart = cosines @ directions - squares * directions
    n = len(videos)
    with_itself = (squares > 0).astype(squares.dtype).sum()    # 1 each, but 0 if black
    alike = ((squares.sum() - with_itself).clip(0) / max(n * (n - 1), 1)) ** 0.5
    return apart.reshape(videos.shape), alike
