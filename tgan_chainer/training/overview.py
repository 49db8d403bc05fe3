"""What a training says of itself before it starts."""
from tgan_chainer.config import ROLES
from tgan_chainer.functions.choice import cpu_kernels_in_use
from tgan_chainer.functions.cpu.parallel import num_threads
from tgan_chainer.io import pictures


def overview(experiment, training, ranks):
    """What is trained on what, as lines of text; ``training`` is :class:`.train.Training`."""
    updater, device = training.trainer.updater, training.random_state.device
    shape = ' x '.join(map(str, training.video.shape))
    place = (f'CPU, {num_threads()} thread(s), {cpu_kernels_in_use()}' if device.name == '@numpy'
             else device.name.replace('@cupy:', 'GPU '))
    each = f', {ranks.size} ranks' if ranks.size > 1 else ''
    done = f' ({updater.iteration:,} done)' if updater.iteration else ''
    networks = ', '.join(f'{ROLES[name].title} {_count_parameters(optimizer.target)}'
                         for name, optimizer in updater.get_all_optimizers().items())
    origin = next((f', from {value}' for key, value in experiment.dataset.args.items()
                   if key.endswith('path') and isinstance(value, str)), '')
    previews = [] if pictures.av else [f'previews  images only; movies: {pictures.VIDEO_EXTRA}']
    return '\n'.join([
        f'device    {place}{each}',
        f'networks  {networks} parameters',
        f'data      {len(training.dataset):,} videos, T x C x H x W = {shape}{origin}',
        f'updates   {training.trainer.stop_trigger.iterations:,}{done}, '
        f'each of {experiment.batchsize} videos{" a rank" if each else ""}',
        *previews])


def _count_parameters(network):
    params = list(network.params())
    known = sum(param.size for param in params if param.is_initialized)
    # The first batch decides the size of the others.
    return f'{known:,}' if all(param.is_initialized for param in params) else f'over {known:,}'
