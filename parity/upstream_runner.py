"""The authors' side of live parity: runs modules of a checkout of theirs and records what they do.

    python upstream_runner.py DIR

Nothing is written to DIR. Requests come as `serving.py` says, for the work 'record': 'kind' (of
`KINDS`), 'inputs' and 'arrays' (npz files to read and to write), and what the kind reads.

Imports nothing of this project but `serving.py` and `driver.py`, and keeps to the syntax of Python
3.6 as they do. Of the authors' code it relies on the names that configs and other callers use.
"""
import functools
import importlib
import os
import platform
import random
import sys
import tempfile
import types
from unittest import mock

import numpy as np
from serving import UnavailableError, serve

FOLDERS = ('models', 'updaters', 'datasets', 'evaluation')
"""Folders whose modules the authors' scripts import by their plain names."""

FILES = {
    'FrameSeedGenerator': 'models/frame_seed_generator.py',
    'VideoGenerator': 'models/video_generator.py',
    'VideoDiscriminator': 'models/video_discriminator.py',
    'VideoAndFrameDiscriminator': 'models/video_discriminator.py',
    'TGANUpdaterVanilla': 'updaters/tgan_updater_vanilla.py',
    'TGANUpdaterLSGAN': 'updaters/tgan_updater_lsgan.py',
    'TGANUpdaterWGAN': 'updaters/tgan_updater_wgan.py',
    'MovingMNISTDataset': 'datasets/mnist_dataset.py',
    'UCFDataset': 'datasets/ucf_dataset.py',
    'GolfDataset': 'datasets/golf_dataset.py',
    'make_video': 'infer.py',
    'calc_inception': 'evaluation/calc_inception.py',
}
"""How a public name begins, and the file it is in."""

C3D_FILE = 'evaluation/c3d_ft.py'
TILE_FILE = 'evaluation/tile_prediction.py'

UNDEFINED = {
    'models/video_discriminator.py': {'VideoDiscriminator': 'VideoDiscriminatorInitDefault'}}
"""Names that a file uses and does not define, and the class of that file that stands for each."""

C3D_LAYERS = ('conv1a', 'pool1', 'conv2a', 'pool2', 'conv3a', 'conv3b', 'pool3', 'conv4a', 'conv4b',
              'pool4', 'conv5a', 'conv5b', 'pool5', 'fc6', 'fc7', 'fc8', 'prob')


# -- making old code run ---------------------------------------------------------------------------

def import_chainer():
    """Import Chainer, after putting back what Chainer 7.8.1 and code of 2017 look for.

    NumPy's table of types is gone since 2.0, and its aliases of Python's types since 1.24; and
    Chainer imports `numpy.distutils` and `pkg_resources` only to print warnings.
    """
    if 'sctypes' not in np.__dict__:
        np.sctypes = {
            'int': [np.int8, np.int16, np.int32, np.int64],
            'uint': [np.uint8, np.uint16, np.uint32, np.uint64],
            'float': [np.float16, np.float32, np.float64, np.longdouble],
            'complex': [np.complex64, np.complex128, np.clongdouble],
            'others': [bool, object, bytes, str, np.void]}
    for alias in (bool, int, float, complex, object):
        if alias.__name__ not in np.__dict__:
            setattr(np, alias.__name__, alias)
    environment_check = types.ModuleType('chainer._environment_check')
    environment_check.check = lambda: None
    sys.modules['chainer._environment_check'] = environment_check
    return importlib.import_module('chainer')


chainer = import_chainer()
import driver  # noqa: E402 -- which imports Chainer
from driver import array_of, build, index, sha256  # noqa: E402


class Placeholder(types.ModuleType):
    """Stands for a module that is not installed, as long as nothing of it is used."""

    def __init__(self, name):
        super().__init__(name)
        self.__path__ = []

    def __getattr__(self, name):
        if name.startswith('__'):
            raise AttributeError(name)
        return Placeholder(f'{self.__name__}.{name}')

    def __call__(self, *args, **kwargs):
        raise RuntimeError('{} was called, but {} is not installed for {}'.format(
            self.__name__, self.__name__.split('.')[0], sys.executable))


class Checkout:
    """The authors' modules, imported by their plain names as their own scripts do: a driver's side.

    ``gpu`` is -1 for the CPU. An UnavailableError names every file that is missing.
    """

    functions = driver.FUNCTIONS

    def __init__(self, folder, gpu=-1):
        self.device = gpu
        self.folder = os.path.realpath(folder)
        files = sorted({'updaters/tgan_updater_base.py', C3D_FILE, TILE_FILE, *FILES.values()})
        missing = [path for path in files if not os.path.isfile(os.path.join(self.folder, path))]
        if missing:
            raise UnavailableError(f'{self.folder} is no checkout of pfnet-research/tgan: there is '
                                   'no {}'.format(', no '.join(missing)))
        # As if a script of the checkout had been started: its folder, not this file's, comes first.
        sys.path[:1] = [self.folder] + [os.path.join(self.folder, name) for name in FOLDERS]
        sys.dont_write_bytecode = True
        os.chdir(self.folder)

    def get(self, name):
        """The class or function of a public name; an UnavailableError if its file has none."""
        module = self.module(next(FILES[prefix] for prefix in FILES if name.startswith(prefix)))
        if not hasattr(module, name):
            raise UnavailableError('found no {} in {}; it has {}'.format(
                name, module.__file__, ', '.join(n for n in vars(module) if n[0] != '_')))
        return getattr(module, name)

    def module(self, path):
        """Import a file by its path, whether or not CuPy or OpenCV are installed.

        An UnavailableError if another file was found under that name.
        """
        file = os.path.join(self.folder, path)
        name = os.path.splitext(os.path.basename(path))[0]
        try:
            module = importlib.import_module(name)
        except ImportError as error:    # of what only some other path may need
            absent = error.name or ''
            if absent in sys.modules or absent.split('.')[0] in ('', 'chainer', 'numpy'):
                raise ImportError(f'cannot import {file}: {error}') from None
            sys.modules[absent] = Placeholder(absent)
            return self.module(path)
        if os.path.realpath(module.__file__) != file:
            raise UnavailableError(f'importing {name} found {module.__file__} instead of {file}')
        for undefined, stands_for_it in UNDEFINED.get(path, {}).items():
            vars(module).setdefault(undefined, vars(module).get(stands_for_it))
        return module

    def place(self, network):
        return network if self.device < 0 else network.to_gpu(self.device)

    def optimizer(self, network, lr):
        optimizer = chainer.optimizers.RMSprop(lr=lr)
        optimizer.setup(network)
        return optimizer

    def update(self, updater):
        """One update; on the CPU the clipping after D's step finds arrays with CuPy's `get()`."""
        if self.device >= 0:
            return updater.update()
        optimizer = updater.get_optimizer('vdis')
        step = optimizer.update

        def step_and_view(*args, **kwargs):
            step(*args, **kwargs)
            view_tensors(optimizer.target, HostArray)

        with mock.patch.object(optimizer, 'update', step_and_view):
            updater.update()
        view_tensors(optimizer.target, np.ndarray)

    def c3d(self, seed):
        np.random.seed(seed)
        return _c3d_class(self)(pretrained_model=None)

    def activations(self, network, x):
        found = network(x, layers=list(C3D_LAYERS))
        return [(name, found[name]) for name in C3D_LAYERS]


class HostArray(np.ndarray):
    """A NumPy array with CuPy's `get()`, the copy on the host, which the clipping updaters call."""

    def get(self):
        return np.array(self)


def view_tensors(network, cls):
    """Show every parameter and running statistic as a class of arrays, without a copy."""
    for owner, name, array in driver.tensors(network):
        setattr(owner, name, array.view(cls))


# -- more kinds of recording, of the authors' scripts ----------------------------------------------

def run_strips(checkout, request, inputs):
    """The pictures that infer.py writes, as its command, of generators with the given arrays.

    They take the place of a result folder's, in float64; its calls of CuPy go nowhere.
    """
    from PIL import Image
    networks = build(checkout, request['models'], 0)
    for name in ('fsgen', 'vgen'):
        chainer.serializers.NpzDeserializer(inputs, name + '/').load(networks[name])
        driver.cast(networks[name], 'float64')
    script, cuda, models = checkout.module('infer.py'), chainer.cuda, networks.values()
    with tempfile.TemporaryDirectory() as folder, \
            mock.patch.object(sys, 'argv', ['infer.py', '--out_dir', folder] + request['argv']), \
            mock.patch.object(script, 'get_models', return_value=models), \
            mock.patch.object(cuda, 'cupy', mock.MagicMock(), create=True), \
            mock.patch.object(cuda, 'Device', mock.MagicMock(), create=True):
        script.main()
        names = sorted(os.listdir(folder))
        return {'names': names}, {
            name: np.array(Image.open(os.path.join(folder, name))) for name in names}


def run_inception(checkout, request, inputs):
    """The score of every set of class probabilities."""
    calc_inception = checkout.get('calc_inception')
    names = sorted(inputs)
    return {'scores': [float(array_of(calc_inception(inputs[name]))) for name in names]}, inputs


def _c3d_class(checkout):
    """The one network in its file, whose name is not public."""
    module = checkout.module(C3D_FILE)
    cls, = (cls for cls in vars(module).values() if isinstance(cls, type)
            and issubclass(cls, chainer.Chain) and cls.__module__ == module.__name__)
    return cls


def run_score(checkout, request, inputs):
    """The script calc_inception.py from latent vectors to the score, as it is and without dropout.

    Its `main` runs unchanged, on the CPU and with smaller batches, on networks of seeded weights.
    With every batch's probabilities goes the video that tile_prediction.py would pick.
    """
    networks = build(checkout, request['models'], request['seeds']['build'])
    driver.set_variances(networks, request['avg_var'])
    c3d = checkout.c3d(request['seed'])
    for link in c3d.children():
        link.W.data[...] *= request['c3d_gains'][link.name]
    rule = checkout.module(TILE_FILE).calc_inception
    scores, surest, named = [], [], []
    for protocol, dropout in request['protocols'].items():
        seen = {'videos': [], 'clips': [], 'probabilities': []}
        scores.append(_run_script(checkout, request, inputs['mean'], networks, c3d, dropout, seen))
        surest.append([int(rule(y).max(axis=1).argmax()) for y in seen['probabilities']])
        named += [(protocol + ' ' + what, np.concatenate(seen[what])) for what in sorted(seen)]
    entries, arrays = index(named, request['limit'])
    return {'scores': scores, 'surest': surest, 'index': entries}, arrays


def _run_script(checkout, request, mean, networks, c3d, dropout, seen):
    """Run calc_inception.py -> the score in its file; what went through it is added to `seen`."""
    script = checkout.module(FILES['calc_inception'])
    make_video = script.make_video

    def make_fewer(fsgen, vgen, n):
        made = make_video(fsgen, vgen, request['batch'])
        seen['videos'].append(array_of(made[0]))
        return made

    class Classifier:
        """Stands for C3D: on the CPU, with probabilities that have CuPy's `get()`."""

        def to_gpu(self):
            pass

        def __call__(self, x, layers):
            with chainer.using_config('train', chainer.config.train and dropout):
                found = c3d(x, layers=layers)
            seen['clips'].append(array_of(x))
            seen['probabilities'].append(array_of(found['prob']))
            found['prob'].data = found['prob'].data.view(HostArray)
            return found

    host = types.SimpleNamespace(random=np.random, asarray=np.asarray)
    with tempfile.TemporaryDirectory() as folder, \
            mock.patch.object(chainer.cuda, 'cupy', host, create=True), \
            mock.patch.object(chainer.cuda, 'get_device', mock.Mock()), \
            mock.patch.multiple(script, make_video=make_fewer, get_models=lambda *args: (
                networks['fsgen'], networks['vgen'], None)), \
            mock.patch.object(script, _c3d_class(checkout).__name__, Classifier):
        mean_path = os.path.join(folder, 'mean.npz')
        np.savez(mean_path, mean=mean)
        # Its batch is of 48 videos, of which the rest is left over.
        argv = ['', '--result_dir', folder, '--mean', mean_path, '--iter', '1', '--seed', str(
            request['seeds']['score']), '--calc_iter', str(48 * request['batches'])]
        with mock.patch.object(sys, 'argv', argv):
            script.main()
        with open(os.path.join(folder, 'inception_iter-1_INTER_CUBIC.txt')) as file:
            return float(file.readline().split()[-1])


def run_datasets(checkout, request, inputs):
    """sha256 of examples, from the other side's files and tables that this side's pandas writes."""
    hashes = {}
    for entry in request['datasets']:
        kwargs = entry['kwargs']
        if entry['table']:
            import pandas
            pandas.DataFrame(entry['table']).to_pickle(kwargs['config_path'])
        dataset = checkout.get(entry['class'])(**kwargs)
        np.random.seed(entry['seed'])
        random.seed(entry['seed'])
        hashes[entry['key']] = [sha256(array_of(dataset.get_example(i % len(dataset))))
                                for i in range(entry['n'])]
    return {'sha256_of_examples': hashes}, {}


KINDS = {name[4:]: run for name, run in dict(vars(driver), **vars()).items() if name[:4] == 'run_'}


def environment():
    return {'python': platform.python_version(), 'chainer': chainer.__version__,
            'numpy': np.__version__}


def prepare(checkout, kind, inputs, arrays, **request):
    """A request -> function that answers it, and writes its arrays into a file."""
    def answer():
        with np.load(inputs) as npz:
            found, made = KINDS[kind](checkout, request, dict(npz))
        np.savez(arrays, **made)
        return dict(found, **environment())
    return answer


if __name__ == '__main__':
    serve(lambda: ({'record': functools.partial(prepare, Checkout(sys.argv[1]))}, environment()))
