import contextlib
import json
import resource
import shutil

import tgan_chainer.links  # noqa: F401 -- makes Chainer importable, sets its options

# isort: split
import chainer
import numpy as np
import pytest
import yaml
from chainer.training import Trainer, extensions, make_extension

from tgan_chainer import config
from tgan_chainer.errors import EXIT_USER_ERROR
from tgan_chainer.io import files, snapshots

SMALL_EXPERIMENT = """\
models:
  fsgen: {{fn: models/frame_seed_generator.py, name: FrameSeedGeneratorNoBetaInitUniform,
           args: {{n_frames: 16, z_slow_dim: 4, z_fast_dim: 4}}}}
  vgen: {{fn: models/video_generator.py, name: VideoGeneratorInitUniform, args: {{
    z_slow_dim: 4, z_fast_dim: 4, out_channels: 1, bottom_width: 4, conv_ch: 16}}}}
  vdis: {{fn: models/video_discriminator.py, name: VideoDiscriminatorNoBetaInitUniform,
          args: {{in_channels: 1, top_width: 4, mid_ch: 2}}}}
dataset: {{fn: datasets/mnist_dataset.py, name: MovingMNISTDataset,
           args: {{n_frames: 16, dataset_path: {data}}}}}
updater: {{fn: updaters/tgan_updater_wgan.py, name: TGANUpdaterWGANSVC, args: {{freq: 5}}}}
batchsize: 2
iterations: 8
snapshot_interval: 4
preview_interval: 8
preview_videos: 4
display_interval: 2
"""

SMALL = {'z_slow_dim': 4, 'z_fast_dim': 4, 'conv_ch': 16, 'label_ch': 8, 'fast_ch': 8, 'mid_ch': 2,
         'n_categories': 3}
OTHER_SYSTEMS = {
    'conditional':
        'configs/ucf101/ucf101_conditional_wgan_svd_zdim-100_no-beta-all_init-uniform-all.yml',
    '3d': 'configs/ucf101/ucf101_3d-model_wgan_clip_zdim-100_no-beta-all_init-uniform-all.yml'}


def read_log(folder):
    """The entries of a log, without what only the clock decides; what is no JSON fails."""
    log = json.loads((folder / 'log').read_text(), parse_constant=pytest.fail)
    return [{key: value for key, value in entry.items() if key != 'elapsed_time'} for entry in log]


def differing(folder, other, iteration):
    """{'FILE:KEY'} in which the snapshots of an iteration differ, but for the clock's."""
    found, names = set(), {path.name for each in (folder, other)
                           for path in each.glob(f'*_iter_{iteration}.npz')}
    assert names
    for name in names:
        with np.load(folder / name) as a, np.load(other / name) as b:
            found |= {f'{name}:{key}' for key in {*a.files, *b.files}
                      if not key.endswith(('LogReport/_log', '_snapshot_elapsed_time')) and not
                      (key in a and key in b and a[key].tobytes() == b[key].tobytes())}
    return found


@contextlib.contextmanager
def full_disk(limit):
    """Let no file grow beyond ``limit`` bytes: like a full disk, a write fails part-way."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(autouse=True)
def untouched_configuration():
    state = np.random.get_state()
    with contextlib.ExitStack() as stack:
        for name in ('dtype', 'batch_norm_statistics', 'train'):
            stack.enter_context(chainer.using_config(name, getattr(chainer.config, name)))
        yield
    np.random.set_state(state)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def refused(here, capsys):
    """Function from a command's ``main`` and arguments to the message with which it refuses them.

    Code 2, one message and no traceback are all that it may leave: no other output, no new file.
    """
    def refused(main, *argv):
        before = {*here.rglob('*')}
        capsys.readouterr()
        assert main([*map(str, argv)]) == EXIT_USER_ERROR
        out, err = capsys.readouterr()
        assert (out, err[:7], 'Traceback' in err) == ('', 'error: ', False)
        assert {*here.rglob('*')} == before
        return err
    return refused


@pytest.fixture(scope='session')
def moving_mnist(tmp_path_factory):
    """Path of a file in the format of mnist_test_seq.npy: 6 videos of a block that moves."""
    path = tmp_path_factory.mktemp('data') / 'moving.npy'
    videos = np.zeros((20, 6, 64, 64), np.uint8)
    for t, i in np.ndindex(20, 6):
        videos[t, i, 2 * t:2 * t + 9, 3 * i:3 * i + 9] = 200
    np.save(path, videos)
    return path


@pytest.fixture
def small_experiment(tmp_path, moving_mnist):
    path = tmp_path / 'small.yml'
    path.write_text(SMALL_EXPERIMENT.format(data=moving_mnist))
    return path


@pytest.fixture(scope='session')
def write_result(tmp_path_factory):
    """Function from a folder, an experiment's text, iterations and a seed; see `make_result`."""
    written = {}

    def write(folder, text, iterations, seed):
        key = text, iterations, seed
        if key not in written:
            made = written[key] = tmp_path_factory.mktemp('result')
            (made / 'config.yml').write_text(text)
            np.random.seed(seed)
            for role, network in config.load(made / 'config.yml').build_models().networks.items():
                for link in network.links(skipself=True):
                    if hasattr(link, 'avg_var'):    # at 0, where it starts, all videos are alike
                        link.avg_var[...] = 1
                for iteration in iterations:
                    snapshots.save(made / snapshots.NETWORKS[role].format(iteration), network)
        return shutil.copytree(written[key], folder)
    return write


@pytest.fixture(scope='session')
def shrunk():
    """Function from an experiment and arguments of networks to its document with small ones."""
    def load(experiment, **changes):
        document = yaml.safe_load(config.find(str(experiment)).read_text())
        for settings in (document, *(part['args'] for part in document['models'].values())):
            settings |= {key: value for key, value in (SMALL | changes).items() if key in settings}
        return document
    return load


@pytest.fixture
def make_result(tmp_path, write_result, shrunk):
    """Function that makes a result folder of small untrained networks, one after each iteration.

    It takes the folder's name, a packaged experiment or the path of one, iterations, a seed, and
    arguments of the networks that are to be others. A conditional system's categories are A, B, C.
    """
    def make(name, experiment, iterations=(5,), seed=0, **changes):
        document = shrunk(OTHER_SYSTEMS.get(experiment, experiment), **changes)
        folder = write_result(tmp_path / 'results' / name, yaml.safe_dump(document), iterations,
                              seed)
        if experiment == 'conditional':
            files.write_json(folder / 'categories.json', [*'ABC'])
        return folder
    return make


@pytest.fixture
def small_result(make_result, small_experiment, here):
    return make_result('small', small_experiment, (5, 10))


@pytest.fixture(scope='session')
def authors_training(tmp_path_factory, moving_mnist):
    """Result folder of three updates, as the authors' train.py leaves one on Chainer 7 (FACTS §11).

    Its files are written by Chainer's own extensions, under the names that Chainer gives them.
    """
    folder = tmp_path_factory.mktemp('small_2017-04-01_00-00-00_', numbered=True)
    document = SMALL_EXPERIMENT.format(data=moving_mnist).replace('iterations: 8', 'epoch: 2')
    for ours, theirs in (('fsgen:', 'frame_seed_generator:'), ('vgen:', 'video_generator:'),
                         ('vdis:', 'video_discriminator:'),
                         ('fn: datasets', 'dataset_fn: datasets'),
                         ('name: Moving', 'dataset_name: Moving'), ('freq: 5', 'freq: 2')):
        assert ours in document
        document = document.replace(ours, theirs)
    (folder / 'small_svd.yml').write_text(document)
    (folder / 'video_generator.py').touch()    # they copy sources

    experiment = config.load(folder / 'small_svd.yml')
    np.random.seed(0)
    models = experiment.build_models()
    updater = experiment.updater.build(
        models=models, device=-1,
        iterator=chainer.iterators.MultiprocessIterator(
            experiment.dataset.build(), experiment.batchsize, n_processes=1),
        optimizer={name: chainer.optimizers.RMSprop(lr=5e-5).setup(model)
                   for name, model in models.networks.items()})
    trainer = Trainer(updater, (1, 'epoch'), out=str(folder))
    display, save = (1, 'iteration'), (3, 'iteration')
    trainer.extend(extensions.snapshot(filename='snapshot_iter_{.updater.iteration}.npz'),
                   trigger=save)
    for name, model in models.networks.items():
        trainer.extend(extensions.snapshot_object(
            model, snapshots.NETWORKS[name].format('{.updater.iteration}')), trigger=save)
    trainer.extend(extensions.LogReport(trigger=display))
    trainer.extend(extensions.PrintReport(['iteration', 'vdis/loss_gen']), trigger=display)
    trainer.extend(extensions.ProgressBar(update_interval=1))
    for kind in ('gen', 'dis'):
        trainer.extend(extensions.PlotReport([f'vdis/loss_{kind}'], trigger=display,
                                             file_name=f'loss_{kind}.png'), trigger=display)
    trainer.extend(make_extension()(lambda trainer: None), name='make_image', trigger=save)
    trainer.run()
    return folder


@pytest.fixture
def authors_result(authors_training, tmp_path):
    return shutil.copytree(authors_training, tmp_path / authors_training.name)
