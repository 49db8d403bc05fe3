"""Replays that several checks look at, each run once: the checks share a ``group``."""
import functools

from parity import replay
from reference import recordings

load = functools.cache(recordings.load)


@functools.lru_cache(maxsize=1)
def forward(name, version):
    """:func:`parity.replay.replay_forward` of a recording."""
    return replay.replay_forward(load(name, version))


@functools.lru_cache(maxsize=1)
def training(name, version, updates=None):
    """:func:`parity.replay.replay_training` of a recording."""
    return replay.replay_training(load(name, version), updates)


@functools.lru_cache(maxsize=1)
def infer(name, version):
    """:func:`parity.replay.replay_infer` of a recording."""
    return replay.replay_infer(load(name, version))


def forget():
    """Run everything anew from here on."""
    for cached in (load, forward, training, infer):
        cached.cache_clear()


def every(prefix, suffix=''):
    """(name, release) of every recording with such a name."""
    return [(name, version) for version in recordings.CHAINERS
            for name in recordings.names(version)
            if name.startswith(prefix) and name.endswith(suffix)]


def reference(name, version):
    """How a report names a recording."""
    return f'recording {name} (Chainer {version})'


def check_name(layer, name, version):
    """Name of the check of a recording: the recording's, without what all of them have."""
    what = name.split('-', 1)[1].replace('-seed0', '')
    return f'{layer}/{what}/chainer-{version}'
