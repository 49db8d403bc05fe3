import hashlib
import math
import random
import shutil

import numpy as np
import pytest

from reference import recordings

EVERYTHING = [(chainer, name) for chainer in recordings.CHAINERS
              for name in recordings.names(chainer)]


@pytest.fixture
def golden_copy(tmp_path, monkeypatch):
    """A small copy of golden/ that may be damaged."""
    for chainer in recordings.CHAINERS:
        folder = tmp_path / f'chainer-{chainer}'
        folder.mkdir()
        for ending in 'json', 'npz':
            shutil.copy(recordings.GOLDEN / folder.name / f'infer-small-seed0.{ending}', folder)
    monkeypatch.setattr(recordings, 'GOLDEN', tmp_path)
    recordings.write_manifest()
    return tmp_path


def test_every_file_is_as_recorded():
    assert recordings.check_all() == 100


@pytest.mark.parametrize(('chainer', 'name'), EVERYTHING)
def test_names_its_release_and_holds_plain_numbers(chainer, name):
    recording = recordings.load(name, chainer)
    assert recording.meta['chainer'] == recording.chainer == chainer
    for array in recording.arrays.values():
        assert array.dtype.kind in 'fi' and not array.flags.writeable


def test_altered_file_is_refused(golden_copy):
    path = golden_copy / 'chainer-2.0.2' / 'infer-small-seed0.npz'
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    message = 'was altered: found .* expected .* restore it'
    with pytest.raises(recordings.RecordingError, match=message):
        recordings.load('infer-small-seed0')
    assert recordings.main([]) == 1


def test_missing_file_is_named(golden_copy):
    (golden_copy / 'chainer-2.0.2' / 'infer-small-seed0.json').unlink()
    with pytest.raises(recordings.RecordingError, match='infer-small-seed0.json is missing'):
        recordings.load('infer-small-seed0')


def test_missing_manifest_is_named(golden_copy):
    (golden_copy / 'MANIFEST.json').unlink()
    with pytest.raises(recordings.RecordingError, match='MANIFEST.json is missing'):
        recordings.names()


def test_file_outside_the_manifest_is_refused(golden_copy):
    (golden_copy / 'chainer-7.8.1' / 'new.json').write_text('{}')
    with pytest.raises(recordings.RecordingError, match=r'new\.json .* not in'):
        recordings.check_all()
    assert recordings.main(['--write-manifest']) == 0
    assert 'new' in recordings.names('7.8.1')


def test_unknown_names_list_the_known():
    with pytest.raises(recordings.RecordingError, match='there are: c3d-seed0, '):
        recordings.load('nonsense')
    with pytest.raises(recordings.RecordingError, match=r'there are: 2\.0\.2, 7\.8\.1'):
        recordings.names('7.8')


@pytest.mark.parametrize(('chainer', 'name'), [
    pair for pair in EVERYTHING if pair[1].startswith(('forward', 'c3d'))])
def test_sampling_rule(chainer, name):
    recording = recordings.load(name, chainer)
    limit = 4096 if name.startswith('c3d') else 8192 if 'small' in name else 2048
    for network in ('G0', 'G1', 'D') if name.startswith('forward') else (None,):
        for stage in recordings.stages(recording, network):
            size = math.prod(stage.shape)
            assert stage.stride == math.ceil(size / limit)
            assert stage.values.shape == recordings.sample(np.empty(size), limit).shape
            if stage.stride == 1:
                # The norm was accumulated in float64 over the whole tensor; so is this one.
                norm = np.linalg.norm(stage.values.astype(np.float64))
                assert math.isclose(norm, stage.l2, rel_tol=1e-12)


def test_configurations_do_not_depend_on_the_release():
    ours = recordings.configurations()
    assert ours == recordings.configurations('7.8.1')
    assert len(ours) == 8
    assert ours['small']['fsgen'] == recordings.Model(
        'FrameSeedGeneratorNoBetaInitUniform',
        {'n_frames': 16, 'wscale': 0.05, 'z_fast_dim': 12, 'z_slow_dim': 10})


@pytest.mark.parametrize(('chainer', 'name'), [
    pair for pair in EVERYTHING if pair[1].startswith('train') and pair[1].endswith('f64')])
def test_rounding_noise_is_noise_and_nothing_else_is(chainer, name):
    """The biases left out of comparisons have gradients 1e-12 of any other's, in float64."""
    grads = {key.removeprefix('grad1.'): np.max(np.abs(value))
             for key, value in recordings.load(name, chainer).arrays.items()
             if key.startswith('grad1.')}
    noise = {key for key, size in grads.items() if 0 < size < 1e-12}
    assert noise == recordings.ROUNDING_NOISE


def test_synthetic_videos():
    videos = recordings.synthetic_videos(2, 3, 10)
    assert videos.shape == (2, 16, 3, 64, 64) and videos.dtype == np.float32
    assert videos.min() >= -1 and videos.max() < 1
    # 8 bits, exactly: (v - 128) / 128.
    assert np.array_equal(videos * 128, np.round(videos * 128))


def sha256(frames):
    example = (frames.astype(np.float32) - 128) / 128
    return hashlib.sha256(np.ascontiguousarray(example).tobytes()).hexdigest()


@pytest.fixture(scope='module')
def dataset_inputs():
    return recordings.dataset_inputs()


@pytest.fixture(scope='module')
def examples():
    return recordings.load('datasets-seed0').meta['sha256_of_examples']


def test_moving_mnist_input_makes_the_recorded_examples(dataset_inputs, examples):
    rng = np.random.RandomState(1)
    found = []
    for i in range(12):
        start = rng.randint(20 - 16)
        found.append(sha256(dataset_inputs.moving_mnist[start:start + 16, i % 6, None]))
    assert found == examples['mnist']


def test_ucf_input_makes_the_recorded_examples(dataset_inputs, examples):
    rng = np.random.RandomState(2)
    found = []
    for i in range(16):
        start, end = dataset_inputs.ucf_spans[i % 4]
        start += rng.randint(end - start - 16) if end - start > 16 else 0
        found.append(sha256(dataset_inputs.ucf_image[start:start + 16, :, :, 10:74]))
    assert found == examples['UCFDataset']


def test_golf_input_makes_the_recorded_examples(dataset_inputs, examples):
    rng, picks = np.random.RandomState(3), random.Random(3)
    found = []
    for _ in range(8):
        strip = dataset_inputs.golf_strips[picks.randint(*dataset_inputs.golf_span) - 1]
        # Nearest-neighbour halving takes the pixel right of each output pixel's centre.
        frames = strip.reshape(20, 128, 128, 3)[:, 1::2, 1::2]
        start = rng.randint(20 - 16)
        found.append(sha256(frames[start:start + 16].transpose(0, 3, 1, 2)))
    assert found == examples['GolfDataset']


def test_deviation():
    assert recordings.deviation([1.0, -4.0], [1.0, -2.0]) == 1.0
    assert recordings.deviation([0.0, 1e-3], [0.0, 0.0]) == 1e-3
    assert recordings.deviation(np.empty((0, 3)), np.empty((0, 3))) == 0.0
    with pytest.raises(ValueError, match='shape'):
        recordings.deviation([1.0], [[1.0]])
