"""Deliberate faults, and for each the cheapest check that must catch it.

`tests/parity/test_mutations.py` plants them; `python -m parity mutations` prints them.
"""
import contextlib
import importlib
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import NamedTuple
from unittest import mock

_ROOT = Path(__file__).resolve().parents[1]


class Mutation(NamedTuple):
    """A fault: one string of one file, and what replaces it."""

    fault: str    #: What is wrong.
    file: str     #: Where: a module of this package, or of 'parity/' or 'reference/'.
    old: str      #: The text, which is there once.
    new: str
    check: str    #: Name of a check that must fail.
    updates: int | None = None    #: Of a training, where fewer show the fault.
    raises: bool = False          #: The check fails by an exception rather than by a difference.

    def run(self):
        """Run the check with the fault in place -> Outcome; a ValueError as :func:`planted`."""
        with planted(self.file, self.old, self.new):
            registry = importlib.import_module('parity.checks').registry
            return registry()[self.check].run(**{'updates': self.updates} if self.updates else {})


@contextlib.contextmanager
def planted(file, old, new):
    """Import this project anew within, with the change; files and modules outside stay.

    A ValueError if the file does not have the text once.
    """
    package = '' if file.startswith(('parity/', 'reference/')) else 'tgan_chainer/'
    path = _ROOT / f'{package}{file}.py'
    source = path.read_text()
    if source.count(old) != 1:
        raise ValueError(f'{file} has {source.count(old)} times {old!r}, expected once: the fault '
                         'in parity/mutations.py is to follow the code')
    changed, get_code = compile(source.replace(old, new), path, 'exec'), SourceFileLoader.get_code
    ours = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_ours(name)}
    try:
        with mock.patch.object(SourceFileLoader, 'get_code', lambda loader, name: (
                changed if loader.path == str(path) else get_code(loader, name))):
            yield
    finally:
        for name in filter(_is_ours, list(sys.modules)):
            del sys.modules[name]
        sys.modules.update(ours)


def _is_ours(module):
    """Compiled kernels stay: no fault is put there, and to load them takes a second each time."""
    return (module.split('.')[0] in ('parity', 'reference', 'tgan_chainer')
            and not module.startswith('tgan_chainer.functions.cpu'))


_STATE_CHECK = 'state/small/chainer-2.0.2'
_FORWARD_CHECK = 'forward/small-b2-train-f64/chainer-2.0.2'
_SAMPLING_CHECK = 'forward/sampling-small/chainer-7.8.1'
_GRADIENTS_CHECK = 'gradients/small-svc-b4-f64/chainer-2.0.2'
_SHUFFLED_CHECK = 'gradients/small-svc_shuffle-b4-f64/chainer-2.0.2'
_LSGAN_CHECK = 'gradients/small-lsgan-b4-f64/chainer-7.8.1'
_VANILLA_CHECK = 'gradients/small_noise-vanilla-b4-f64/chainer-7.8.1'
_SVC_CHECK = 'trajectories/small-svc-b4-f64/chainer-2.0.2'
_SVC1_CHECK = 'trajectories/small-svc1-b4-f64/chainer-2.0.2'
_CLIP_CHECK = 'trajectories/small-clip-b4-f64/chainer-2.0.2'
_CLIPPING_CHECK = 'oracle/clipping-eigh'
_MNIST_CHECK = 'data/MovingMNISTDataset/chainer-2.0.2'
_GOLF_CHECK = 'data/GolfDataset/chainer-2.0.2'
_PREPROCESS_CHECK = 'metrics/preprocess/oracle'

MUTATIONS = tuple(Mutation(*fields) for fields in (
    # networks
    ('G1 half as wide', 'models/video_generator', 'self.conv_ch = conv_ch',
     'self.conv_ch = conv_ch // 2', 'shapes/G1'),
    ('slope of the leaky ReLU 0.1', 'models/video_discriminator', 'LeakyReLU(0.2)',
     'LeakyReLU(0.1)', _FORWARD_CHECK),
    ('no tanh at the end of G0', 'models/frame_seed_generator', 'F.tanh(self.dc4(h))',
     'self.dc4(h)', _FORWARD_CHECK),
    ('no tanh at the end of G1', 'models/video_generator', 'F.tanh(self.dc5(h))', 'self.dc5(h)',
     _FORWARD_CHECK),
    ('fast before slow in the concatenation', 'models/video_generator',
     'F.concat(maps, axis=1)', 'F.concat(maps[::-1], axis=1)', _FORWARD_CHECK),
    ('batch normalisation after the first layer of D', 'models/video_discriminator',
     'self._score(self.c0(video)', 'self._score(self.bn0(self.c0(video))', _FORWARD_CHECK),
    ('eps of batch normalisation 1e-5', 'links/batch_normalization', 'use_beta=use_beta, initial',
     'use_beta=use_beta, eps=1e-5, initial', _FORWARD_CHECK),
    ('running statistics with decay 0.99', 'links/batch_normalization',
     'use_beta=use_beta, initial', 'use_beta=use_beta, decay=0.99, initial', _FORWARD_CHECK),
    ('running variance without eps, on Chainer 2', 'links/batch_normalization',
     'm / max(m - 1, 1) * self.eps', '0', _FORWARD_CHECK),
    ("statistics of Chainer 7 in an experiment of Chainer 2's", 'links/batch_normalization',
     'statistics = chainer.config.batch_norm_statistics', "statistics = 'chainer7'", _STATE_CHECK),
    ('a bias where there is none', 'models/video_generator', 'ch // 4, 4, 2, 1, nobias=True',
     'ch // 4, 4, 2, 1', _STATE_CHECK),
    ('a beta where there is none', 'models/frame_seed_generator',
     'BatchNormalization(512, use_beta=self.use_beta)', 'BatchNormalization(512)', _STATE_CHECK),
    ('uniform weights drawn twice as wide', 'models/video_generator',
     'initializers.Uniform(wscale)', 'initializers.Uniform(2 * wscale)', _STATE_CHECK),
    ('networks built in another order', 'parity/driver', "NETWORKS = ('fsgen', 'vgen', 'vdis')",
     "NETWORKS = ('vdis', 'vgen', 'fsgen')", _STATE_CHECK),
    ('no noise in D', 'models/video_discriminator',
     'leaky_relu(h + noise.astype(h.dtype, copy=False))', 'leaky_relu(h)',
     'oracle/forward-small_noise-train/chainer-2.0.2'),
    ('noise in D in test mode, too', 'models/video_discriminator',
     'if self.sigma and chainer.config.train else', 'if self.sigma else',
     'oracle/forward-small_noise-test/chainer-2.0.2'),
    # sampling
    ('time backwards in the fake videos', 'models/sampling', 'F.transpose(video, (0, 2, 1, 3, 4))',
     'F.flip(F.transpose(video, (0, 2, 1, 3, 4)), 2)', _GRADIENTS_CHECK, 1),
    ('z_slow of another video', 'models/sampling', 'F.expand_dims(z_slow, 1)',
     'F.expand_dims(F.flip(z_slow, 0), 1)', _GRADIENTS_CHECK, 1),
    ('sampling in train mode', 'models/sampling',
     "'train', False), chainer.no_backprop_mode():\n"
     '        z_slow = draw_z_slow(first',
     "'train', True), chainer.no_backprop_mode():\n"
     '        z_slow = draw_z_slow(first', _SAMPLING_CHECK),
    ('z_slow from [0, 1)', 'models/sampling', 'random.uniform(-1, 1, shape)',
     'random.uniform(0, 1, shape)', _SAMPLING_CHECK),
    # updaters
    ('D updated before G', 'updaters/tgan_updater_wgan',
     '        self._update_generators(fake, -fake_grad)\n'
     "        self.get_optimizer('vdis').update()\n",
     "        self.get_optimizer('vdis').update()\n"
     '        fake_grad, = chainer.grad([-self._mean(self.vdis(fake), batch)], [fake])\n'
     '        self._update_generators(fake, fake_grad.array)\n', _GRADIENTS_CHECK, 1),
    ('D sees the real batch first', 'updaters/tgan_updater_base',
     'real, fake, self.vdis(fake, *labels), self.vdis(real, *labels)',
     '(real, fake, *[self.vdis(video, *labels) for video in (real, fake)][::-1])',
     'oracle/train-svc/chainer-2.0.2', 1),
    ('labels swapped', 'updaters/tgan_updater_vanilla', 'cross_entropy(logits, labels)',
     'cross_entropy(logits, 1 - labels)', _VANILLA_CHECK, 1),
    ("D's gradient cleared of the generators' loss", 'updaters/tgan_updater_lsgan',
     'fake.unchain_backward()', 'fake.unchain_backward(), self.vdis.cleargrads()', _LSGAN_CHECK, 1),
    ('targets 0 and 1 instead of -1 and 1', 'updaters/tgan_updater_lsgan',
     'squared_error(d_fake, -1)', 'squared_error(d_fake, 0)', _LSGAN_CHECK, 1),
    ('time shuffled when it should be kept', 'updaters/tgan_updater_base',
     'np.random.rand() > self.shuffle_time_order', 'np.random.rand() <= self.shuffle_time_order',
     _SHUFFLED_CHECK, 1),
    ('one order of time for fakes and reals', 'updaters/tgan_updater_base',
     'np.random.shuffle(order)', 'np.random.RandomState(0).shuffle(order)', _SHUFFLED_CHECK, 1),
    # optimizer and constraints
    ('eps of RMSprop inside the root', 'config', '(optimizers, self.name)(**self.args)',
     '(optimizers, self.name)(eps_inside_sqrt=True, **self.args)', _SVC_CHECK, 1),
    ('alpha of RMSprop 0.9', 'config', '(optimizers, self.name)(**self.args)',
     '(optimizers, self.name)(alpha=0.9, **self.args)', _SVC_CHECK, 1),
    ('singular values clipped at 1.01', 'hooks/singular_value_clipping', 'bound=1.0,',
     'bound=1.01,', _SVC1_CHECK, 2),
    ('singular values clipped one iteration late', 'hooks/singular_value_clipping',
     'optimizer.t % self.freq', '(optimizer.t - 1) % self.freq', _SVC_CHECK, 6),
    ('kernels clipped as (out in, kernel) matrices', 'hooks/singular_value_clipping',
     'param.array.reshape(len(param.array), -1)', 'param.array.reshape(-1, 64)', _CLIPPING_CHECK),
    ('gamma not clipped', 'hooks/singular_value_clipping',
     'link.xp.clip(gamma, self.floor * upper, upper, out=gamma)', 'pass', _SVC1_CHECK, 1),
    ('gamma without its floor', 'hooks/singular_value_clipping',
     'link.xp.clip(gamma, self.floor * upper, upper, out=gamma)',
     'link.xp.minimum(gamma, upper, out=gamma)', _CLIPPING_CHECK),
    ('eps added to the running variance once more', 'hooks/singular_value_clipping',
     'xp.sqrt(child.avg_var)', 'xp.sqrt(child.avg_var + child.eps)', _CLIPPING_CHECK),
    ('weights clipped at 0.02', 'updaters/tgan_updater_wgan', 'WeightClipping(0.01)',
     'WeightClipping(0.02)', _CLIP_CHECK, 1),
    ('biases and gammas not clipped', 'hooks/weight_clipping', 'if array is not None:',
     'if array is not None and array.ndim > 1:', _CLIP_CHECK, 1),
    # data
    ('columns 11 to 75', 'datasets/ucf_dataset', 'CENTER_LEFT = 10', 'CENTER_LEFT = 11',
     'data/UCFDataset/chainer-2.0.2'),
    ('the last offset drawn, too', 'datasets/drawing', 'stream.randint(length - n_frames)',
     'stream.randint(length - n_frames + 1)', _MNIST_CHECK),
    ('pixels scaled by 127.5', 'datasets/drawing', "order='C') - 128) / 128",
     "order='C') - 127.5) / 127.5", _MNIST_CHECK),
    ('mirrored in the other half of the cases', 'datasets/ucf_dataset', 'numpy.rand() > 0.5',
     'numpy.rand() <= 0.5', 'data/UCFDatasetAugmented/chainer-2.0.2'),
    ('frames resized by bilinear interpolation', 'datasets/golf_dataset', 'Resampling.NEAREST',
     'Resampling.BILINEAR', _GOLF_CHECK),
    ('blue, green, red', 'datasets/golf_dataset', 'frames.transpose(0, 3, 1, 2)',
     'frames[..., ::-1].transpose(0, 3, 1, 2)', _GOLF_CHECK),
    # metrics
    ('eps of the inception score 1e-8', 'evaluation/protocols', 'EPS = 1e-7', 'EPS = 1e-8',
     'metrics/inception-score/oracle'),
    ('mean clip cut from column 22', 'evaluation/protocols', 'mean[..., 21:149]',
     'mean[..., 22:150]', _PREPROCESS_CHECK),
    ('red, green, blue', 'evaluation/protocols', 'x[:, ::-1]', 'x', _PREPROCESS_CHECK),
    ('pixels rounded', 'evaluation/protocols', 'resize(video * 128 + 128,',
     'resize((video * 128 + 128).round(),', _PREPROCESS_CHECK),
    ("Keys's parameter -0.5", 'evaluation/resize', 'a = -0.75', 'a = -0.5',
     'metrics/resize/oracle'),
    ('pooling that leaves the edge out', 'evaluation/c3d_ft', 'max_pooling_3d(h, pool[1])',
     'F.max_pooling_nd(h, pool[1], pool[1], cover_all=False)',
     'metrics/c3d-activations/chainer-2.0.2', None, True),
    # the references and their reader
    ('sampled with another stride', 'parity/driver', 'math.ceil(array.size / limit)',
     'math.ceil(array.size / limit) + 1', _GRADIENTS_CHECK, 1),
    ('a gradient left out without being noise', 'reference/recordings', "'vdis.c1.b', 'vdis.c2.b'",
     "'vdis.c0.b', 'vdis.c1.b', 'vdis.c2.b'", _GRADIENTS_CHECK, 1),
    ('a recording with one bit flipped', 'reference/recordings',
     'content = (GOLDEN / path).read_bytes()\n',
     'content = bytearray((GOLDEN / path).read_bytes())\n'
     "        content[len(content) // 2] ^= path.endswith('.npz')\n", _FORWARD_CHECK, None, True),
))


def table():
    """Columns and rows of what ``python -m parity mutations`` prints."""
    return ('', 'fault', 'in', 'caught by'), [
        (str(number), mutation.fault, mutation.file, mutation.check)
        for number, mutation in enumerate(MUTATIONS, start=1)]
