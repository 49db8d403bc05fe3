"""Reader of the recordings in `golden/`, and the recipes their inputs were made with.

    recording = load('train-small-svc-b4-seed0-f64', chainer='2.0.2')
    recording.meta['trace'][0]['loss']           # what the json file says
    recording.arrays['grad1.vdis.c0.W']          # what the npz file holds

A recording is `golden/chainer-VERSION/NAME.json` and, where it has tensors, `NAME.npz`. Every read
is held against `golden/MANIFEST.json`, so an altered reference cannot pass for a reference.
"""
import hashlib
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

GOLDEN = Path(__file__).resolve().parent / 'golden'
MANIFEST = 'MANIFEST.json'

#: The Chainer releases the authors' code was recorded on; the first is the one it was written for.
CHAINERS = ('2.0.2', '7.8.1')

#: Every recording's `seed` is 0; each use of randomness adds an offset. The global generator is
#: numpy's.
SEED_OFFSETS = {
    'build': 0,           # global generator, before fsgen, vgen, vdis are built in this order
    'forward_inputs': 1,  # RandomState of z_slow and then the video
    'forward': 2,         # global generator, before the forward passes (D's noise)
    'videos': 10,         # RandomState of the synthetic training videos
    'training': 20,       # global generator, before the first update
    'infer': 30,          # global generator, before make_video
    'score': 40,          # --seed of calc_inception: global generator, before the first z_slow
    'mean': 41,           # RandomState of the mean clip, uniform in [80, 130)
}

#: Biases that feed a batch normalisation: it subtracts them again, so their gradient is zero but
#: for rounding, and RMSprop scales that rounding up to steps of about ten learning rates. They
#: change no output; comparing them compares noise. Names as in the `train-*` arrays.
ROUNDING_NOISE = frozenset({
    'vdis.c1.b', 'vdis.c2.b', 'vdis.c3.b',
    'fsgen.dc0.b', 'fsgen.dc1.b', 'fsgen.dc2.b', 'fsgen.dc3.b',
})


class RecordingError(Exception):
    """A recording is missing, altered or unknown; the message says what to do."""


class Recording(NamedTuple):
    """One recording."""

    name: str       #: File name without its ending, e.g. 'forward-small-b2-seed0-train-f64'.
    chainer: str    #: Chainer release the authors' code ran on.
    meta: dict      #: The json file: recipe, index, scalars.
    arrays: dict    #: Name to read-only array; empty where the recording has no tensors.


class Stage(NamedTuple):
    """One recorded tensor of a forward pass."""

    name: str       #: Link ('vdis/c0', 'conv1a') or function ('relu') that made it.
    stride: int     #: Every how many values of the flattened tensor one was kept.
    values: np.ndarray    #: The kept values, 1-D.
    l2: float       #: Float64 Euclidean norm of the whole tensor.


def names(chainer=CHAINERS[0]):
    """Names of all recordings made on a Chainer release, sorted; a RecordingError for no such."""
    folder = _folder(chainer) + '/'
    return tuple(sorted(
        path[len(folder):-len('.json')] for path in _manifest()
        if path.startswith(folder) and path.endswith('.json')))


def load(name, chainer=CHAINERS[0]):
    """Read one recording and check it against the manifest; a RecordingError as in `names`."""
    if name not in names(chainer):
        raise RecordingError(
            f'no recording {name!r} on Chainer {chainer}; there are: {", ".join(names(chainer))}')
    stem = f'{_folder(chainer)}/{name}'
    meta = json.loads(_read(f'{stem}.json'))
    arrays = {}
    if f'{stem}.npz' in _manifest():
        with np.load(io.BytesIO(_read(f'{stem}.npz')), allow_pickle=False) as npz:
            arrays = {key: npz[key] for key in npz.files}
    for array in arrays.values():
        array.setflags(write=False)
    return Recording(name, chainer, meta, arrays)


def stages(recording, network=None):
    """The recorded tensors of a forward pass, in call order: a tuple of `Stage`.

    `network` is 'G0', 'G1' or 'D' of a `forward-*` recording; `c3d-*` and `score-*` have none.
    """
    index, prefix = ((recording.meta['stages'][network], f'{network}_') if network
                     else (recording.meta['index'], ''))
    return tuple(Stage(entry['name'], entry['stride'], recording.arrays[prefix + entry['key']],
                       entry['l2']) for entry in index)


def arrays(recording, prefix):
    """The arrays under a prefix ('stat_', 'grad1.', 'param.'), by the rest of their names."""
    return {key.removeprefix(prefix): array for key, array in recording.arrays.items()
            if key.startswith(prefix)}


def configurations(chainer=CHAINERS[0]):
    """The recorded configurations: name -> {'fsgen', 'vgen', 'vdis'} -> 'class', 'kwargs'."""
    return {name: {network: {key: entry[key] for key in ('class', 'kwargs')}
                   for network, entry in configuration.items()}
            for name, configuration in load('init-seed0', chainer).meta['models'].items()}


def models(recording):
    """The networks of a recording, as those of `configurations`, or of its own json file."""
    if 'models' not in recording.meta:
        return configurations(recording.chainer)[recording.meta['config']]
    return recording.meta['models']


def rounding_noise(names):
    """Those of the names 'vdis.c1.b' and so on that are `ROUNDING_NOISE`.

    Also in either critic of a pair, where they are 'vdis.video_dis.c1.b' and 'vdis.frame_dis.c1.b'.
    """
    return {name for name in names
            if name.replace('.video_dis.', '.').replace('.frame_dis.', '.') in ROUNDING_NOISE}


# -- recipes of the inputs -------------------------------------------------------------------------

def synthetic_videos(n, channels, seed, size=64):
    """The training videos of the `train-*` recordings: a coloured block that moves over noise.

    float32 (n, 16, C, H, W) in [-1, 1). The authors' iterator took them in order, `batch` an
    update, from the start again after the end.
    """
    rs, block = np.random.RandomState(seed), size // 4
    videos = np.zeros((n, 16, channels, size, size), np.uint8)
    for video in videos:
        y, x = rs.randint(0, size - block, 2)
        dy, dx = rs.randint(-3, 4, 2)
        color = rs.randint(96, 256, channels)
        for k, frame in enumerate(video):
            top, left = (y + k * dy) % (size - block), (x + k * dx) % (size - block)
            frame[:, top:top + block, left:left + block] = color[:, None, None]
    videos += rs.randint(0, 16, videos.shape).astype(np.uint8) // 2
    return (videos.astype(np.float32) - 128) / 128


def forward_inputs(recording):
    """z_slow float32 (B, Ks) and video float32 (B, C, 16, H, H) of a `forward-*` recording.

    Both are uniform in [-1, 1). G1 was given z_slow and G0's first frame, z_fast[:, :, 0].
    """
    networks = models(recording)
    rs = np.random.RandomState(recording.meta['seed'] + SEED_OFFSETS['forward_inputs'])
    batch = recording.meta['batch']
    z_slow = rs.uniform(-1, 1, (batch, networks['fsgen']['kwargs']['z_slow_dim']))
    critic = networks['vdis']['kwargs']
    side = 16 * critic['top_width']
    video = rs.uniform(-1, 1, (batch, critic['in_channels'], 16, side, side))
    return z_slow.astype(np.float32), video.astype(np.float32)


def c3d_clip(seed):
    """The input of `c3d-*`: float32 (1, 3, 16, 112, 112)."""
    x = np.random.RandomState(seed + 1).uniform(0, 255, (1, 3, 16, 112, 112)) - 100
    return x.astype(np.float32)


def mean_clip(seed):
    """Stand-in for the mean clip in `score-*`: float64 (3, 16, 128, 171)."""
    rs = np.random.RandomState(seed + SEED_OFFSETS['mean'])
    return rs.uniform(80, 130, (3, 16, 128, 171))


def dataset_inputs(seed=0):
    """Contents of the input files of `datasets-seed0`, drawn again; arrays are uint8.

    Of Moving MNIST the npy file; of UCF-101 the h5 dataset `image`, and start and end, exclusive,
    of each video; of golf the strips 0001.jpg to 0003.jpg, and first and last of the table's row.
    """
    rs = np.random.RandomState(seed)
    mnist, image, *strips = (rs.randint(0, 256, shape).astype(np.uint8) for shape in (
        (20, 6, 64, 64), (85, 3, 64, 85), *[(2560, 128, 3)] * 3))
    return SimpleNamespace(
        moving_mnist=mnist, ucf_image=image, ucf_spans=((0, 16), (16, 36), (36, 69), (69, 85)),
        golf_strips=strips, golf_span=(1, 3))


def write_manifest(golden=None):
    """Write size and sha256 of every recorded file to `golden/MANIFEST.json`."""
    golden = golden or GOLDEN
    manifest = {path.relative_to(golden).as_posix(): _fingerprint(path.read_bytes())
                for chainer in CHAINERS for path in (golden / _folder(chainer)).iterdir()}
    (golden / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + '\n')


def _folder(chainer):
    if chainer not in CHAINERS:
        raise RecordingError(
            f'no recordings on Chainer {chainer!r}; there are: {", ".join(CHAINERS)}')
    return f'chainer-{chainer}'


def _manifest():
    try:
        return json.loads((GOLDEN / MANIFEST).read_text())
    except FileNotFoundError:
        raise RecordingError(
            f'{GOLDEN / MANIFEST} is missing; restore golden/ from version control') from None


def _fingerprint(content):
    return {'sha256': hashlib.sha256(content).hexdigest(), 'size': len(content)}


def _read(path):
    try:
        content = (GOLDEN / path).read_bytes()
        found = _fingerprint(content)
    except FileNotFoundError:
        found = 'no such file'
    if found != (expected := _manifest()[path]):
        raise RecordingError(
            f'golden/{path} is not as recorded: found {found}, expected {expected}; restore it '
            'from version control, or, if it was recorded again on purpose, go on as '
            'reference/PROVENANCE.md says')
    return content
