"""Whether the parts of an experiment fit together, before anything is written."""
import math

from tgan_chainer.errors import ConfigError


def check_batchsize(experiment, n_videos, n_ranks):
    """Raise a ConfigError unless each rank's share of ``n_videos`` holds a batch."""
    share = math.ceil(n_videos / n_ranks)
    if share < experiment.batchsize:
        of = f', {share} for each of {n_ranks} ranks' if n_ranks > 1 else ''
        raise ConfigError(f'{experiment.source}: batchsize: found {experiment.batchsize}, but the '
                          f'data set holds {n_videos} videos{of}')


def check_shapes(experiment, system, dataset, video):
    """Raise a ConfigError unless one part takes what another makes; ``video`` is (T, C, H, W)."""
    fsgen, vgen, vdis = system
    side = 16 * vgen.bottom_width
    made = (next(iter(system.networks.values())).n_frames, vgen.out_channels, side, side)
    # A generator of whole videos, or a G1 without z_slow, has nothing to agree on.
    agreements = [(f'{what} of fsgen and vgen', getattr(fsgen, what), getattr(vgen, what))
                  for what in ('z_slow_dim', 'z_fast_dim')
                  if hasattr(fsgen, what) and hasattr(vgen, what)]
    agreements.append(('(T, C, H, W) of generated videos and of the data set', made, video.shape))
    # A critic of another kind may find its sizes at the first call.
    if hasattr(vdis, 'in_channels'):
        agreements += [
            ('out_channels of vgen and in_channels of vdis', vgen.out_channels, vdis.in_channels),
            ('bottom_width of vgen and top_width of vdis', vgen.bottom_width, vdis.top_width)]
    agreements += [(f'n_categories of the data set and {name}', dataset.n_categories,
                    network.n_categories) for name, network in system.networks.items()]
    for what, first, second in agreements:
        if first != second:
            raise ConfigError(f'{experiment.source}: {what} must be the same, found {first} and '
                              f'{second}')
