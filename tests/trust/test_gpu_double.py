"""The double of CuPy: how strict it is, how kernels run on it, and the trials on it."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.gpu import command, double
from trust.gpu.double import arrays, functions, lanes, transfers
from trust.gpu.double.kernels import Definition, ElementwiseKernel, Parameter, parameters, requested
from trust.gpu.double.lanes import KernelError, Variable

# -- the trials ------------------------------------------------------------------------------------

BATCH = 'to device: array in tgan_chainer/updaters/tgan_updater_base.py:_get_real_video'

KERNELS = {
    'adam', 'bn_bwd', 'bn_fwd', 'col2im', 'col2im_1d', 'col2im_3d', 'im2col', 'im2col_1d',
    'im2col_3d', 'inverse_indices', 'lrelu', 'max_pool_3d_fwd', 'momentum_sgd', 'relu_bwd',
    'rmsprop', 'sgd', 'sigmoid_bwd', 'sigmoid_fwd', 'tanh_bwd', 'update_mean_var'}


@pytest.fixture(scope='module')
def ran():
    return command.run_worker()


def test_everything_runs_as_on_numpy_and_copies_what_it_may(ran):
    assert [row for row in command.double_rows(ran) if row.verdict != 'OK'] == []
    names = [result['name'] for result in ran['results']]
    assert len(names) == len(set(names)) == 68


def test_an_update_copies_its_batch_to_the_device_and_nothing_else(ran):
    copies = {result['name']: result['transfers'] for result in ran['results']}
    for name in ('tgan, singular value clipping', 'tgan, weight clipping, chainer7 statistics',
                 'tgan, vanilla with noise', 'tgan, least squares, Adam', '3d model',
                 'video gan, vanilla', 'tgan, G1(z1) only'):
        assert copies[f'{name}, float64'] == copies[f'{name}, float32'] == {BATCH: 1}
    assert copies['conditional tgan, float32'] == {BATCH: 2}    # the labels, too
    assert copies['train.py --gpu 0: an update'] == {
        'to device: array in tgan_updater_base.py': 1}
    assert copies['sampling, float32'] == copies['sampling, conditional, float32'] == {}


def test_every_fault_in_a_step_is_noticed(ran):
    assert len(ran['caught']) == 14 and all(ran['caught'].values())
    for fault, caught in {
            'a hook fetches a weight': '1 x to host: get in trust/gpu/trials.py',
            'an updater makes a number of a loss': '1 x to host: float in trust/gpu/trials.py',
            'an updater makes a NumPy array of a loss': 'TypeError: Implicit conversion',
            'a hook adds a host array': 'TypeError: Unsupported type',
            'a hook calls what CuPy does not have': 'AttributeError: cupy.spacing is not in',
    }.items():
        assert ran['caught'][fault].startswith(caught)


def test_the_kernels_really_ran(ran):
    assert {kernel['definition']['name'] for kernel in ran['kernels']} == KERNELS
    for kernel in ran['kernels']:
        params = sum((len(parameters(kernel['definition'][side]))
                      for side in ('in_params', 'out_params')), 0)
        assert all(len(arguments) == params for arguments in kernel['arguments'])


def test_rows_tell_what_failed():
    ran = {'results': [{'name': 'trial', 'difference': 1., 'tolerance': 0.1, 'passed': False,
                        'transfers': {'to host: get in x': 2}, 'expected': {BATCH: 1},
                        'error': ''}],
           'caught': {'fault': ''}, 'modules': ['chainer/functions/math/exponential.py']}
    trial, fault, module = command.double_rows(ran)
    assert {row.verdict for row in (trial, fault, module)} == {'FAILED'}
    assert f'{BATCH}: 0, expected 1' in trial.detail
    assert 'to host: get in x: 2, expected 0' in trial.detail
    assert fault.detail == 'nothing noticed it'
    assert module.name.startswith('chainer/functions/math/exponential.py ran')


def test_a_worker_that_dies_is_an_error_with_its_last_words(monkeypatch):
    monkeypatch.setattr(command.sys, 'executable', '/bin/false')
    with pytest.raises(RuntimeError, match='ended with code 1'):
        command.run_worker()


def test_the_double_is_not_put_into_a_process_that_has_chainer():
    with pytest.raises(RuntimeError, match='needs a process of its own'):
        double.install()


# -- arrays ----------------------------------------------------------------------------------------

def device(values, dtype=float):
    return arrays.wrap(np.array(values, dtype))


HOST = np.ones(3)


@pytest.mark.parametrize('mix', [
    lambda a: a + HOST, lambda a: a * HOST[:1], lambda a: a < HOST, lambda a: a == HOST,
    lambda a: functions.where(a > 0, HOST, a), lambda a: functions.clip(a, HOST, 1),
    lambda a: functions.from_numpy('cupy.concatenate', np.concatenate)([a, HOST]),
    lambda a: functions.from_numpy('cupy.sqrt', np.sqrt)(HOST),
    lambda a: functions.from_numpy('cupy.sqrt', np.sqrt)(a, out=HOST),
    lambda a: functions.from_numpy('cupy.tensordot', np.tensordot)(a, b=HOST, axes=1),
    lambda a: a.sum(out=HOST), lambda a: functions.empty_like(HOST), lambda a: a.__iadd__(HOST),
    np.asarray, np.array, lambda a: a.set([1, 2, 3]),
    lambda a: a + [1, 2, 3],    # noqa: RUF005 -- not a list of it
])
def test_host_arrays_do_not_mix(mix):
    with pytest.raises(TypeError):
        mix(device([1, 2, 3]))


def test_host_arrays_are_not_assigned():
    a = device([1, 2, 3])
    with pytest.raises(ValueError, match='non-scalar numpy.ndarray cannot be used for fill'):
        a[:] = HOST
    a[:] = np.array(5.)    # CuPy takes this one
    a[1] = device(7)
    assert a.get().tolist() == [5, 7, 5]


def test_scalars_mix_and_results_stay_on_the_device():
    a = device([1, 2, 3], np.float32)
    start = len(transfers.transfers)
    for result in (a + 1, 1 - a, a * 2.5, a / np.float32(2), a ** 2, -a, a @ a, a.sum(), a[0],
                   a.max(axis=0), a > 1, a.mean(), a.astype('f8'), a.reshape(3, 1).T):
        assert isinstance(result, arrays.ndarray)
    assert transfers.since(start) == {}
    assert (a * 2.5).dtype == np.float32
    assert (a == None).get().tolist() == [False] * 3    # noqa: E711


def test_promotion_by_a_numpy_scalar_is_the_versions(monkeypatch):
    a = device([1, 2], np.float32)
    assert (a * np.float64(2)).dtype == np.float32
    monkeypatch.setattr(arrays, 'value_based_promotion', False)
    assert (a * np.float64(2)).dtype == (np.float64 if np.__version__ >= '2' else np.float32)


@pytest.mark.parametrize('what, call', [
    *((f'to host: {what}', call) for what, call in (
        ('get', lambda a: a.get()), ('item', lambda a: a[0].item()), ('mask', lambda a: a[a > 1]),
        ('float', lambda a: float(a[0])), ('int', lambda a: int(a[0])), ('repr', repr),
        ('bool', lambda a: bool(a[0])), ('tolist', lambda a: a.tolist()), ('str', str),
        ('format', lambda a: f'{a[0]:.3f}'), ('get', functions.asnumpy))),
    *((f'to device: {what}', call) for what, call in (
        ('array', lambda a: functions.asarray(HOST)), ('array', lambda a: functions.array([1, 2])),
        ('array', lambda a: functions.array(1.5)), ('set', lambda a: a.set(HOST)),
        ('index', lambda a: a[[0, 2]]), ('index', lambda a: a[np.array([0, 2])])))])
def test_what_is_copied_is_counted(what, call):
    a, start = device([1, 2, 3]), len(transfers.transfers)
    call(a)
    (counted, times), = transfers.since(start).items()
    assert counted.startswith(f'{what} in tests/trust/test_gpu_double.py:') and times == 1


def test_what_is_on_the_device_is_not_copied():
    a, start = device([1, 2, 3]), len(transfers.transfers)
    assert functions.asarray(a) is a and functions.ascontiguousarray(a) is a
    functions.array([a[0], a[1]])
    a[a > 1] = 0    # CuPy needs no count for this
    a.scatter_add(slice(0, 2), device([1, 1]))
    assert transfers.since(start) == {}
    assert a.get().tolist() == [2, 1, 0]


def test_elements_are_views():
    a = device([[1, 2], [3, 4]])
    a[0, 1][...] = 9
    a[1].fill(5)
    assert a.get().tolist() == [[1, 9], [5, 5]]


def test_memory_that_was_not_written_is_no_number():
    assert np.isnan(functions.empty((2, 3)).get()).all()
    assert np.isnan(functions.empty_like(device([1, 2]), dtype=np.float32).get()).all()
    assert arrays.uninitialised(2, np.int32).tolist() == [2 ** 31 - 1] * 2


def test_calls_that_cupy_does_not_take_are_refused():
    total = functions.from_numpy('cupy.sum', np.sum, [('a', 1, False), ('axis', 1, True)])
    assert total(device([1, 2])).get() == 3
    with pytest.raises(TypeError, match='initial'):
        total(device([1, 2]), initial=1)
    with pytest.raises(NotImplementedError, match='makes the host wait'):
        functions.from_numpy('cupy.nonzero', np.nonzero)(device([1, 2]))
    with pytest.raises(RuntimeError, match='float32 and float64'):
        functions.eigh(device([[1, 2], [3, 4]], np.int32))


def test_choosing_by_probabilities_waits_twice_as_cupy_does():
    random, start = functions.Random(), len(transfers.transfers)
    random.seed(0)
    chosen = random.choice(3, 1000, p=device([0.2, 0, 0.8]))
    assert [transfer.what for transfer in transfers.transfers[start:]] == ['bool', 'get']
    shares = np.bincount(chosen.get(), minlength=3) / 1000
    np.testing.assert_allclose(shares, [0.2, 0, 0.8], atol=4 * (0.16 / 1000) ** 0.5)
    with pytest.raises(ValueError, match='do not sum to 1'):
        random.choice(2, 5, p=device([0.2, 0.2]))


# -- kernels ---------------------------------------------------------------------------------------

def run(body, n=8, types=None, raw=None, **values):
    """Run a body -> the values of `y`, a double to begin with."""
    variables = {name: Variable(np.asarray(value), np.asarray(value).dtype)
                 for name, value in values.items()}
    variables.setdefault('y', Variable(np.zeros(n), np.float64))
    types = types or {'T': np.float32}
    lanes.run(lanes.parse(body, types), types, variables, raw or {}, n)
    return np.broadcast_to(variables['y'].values, n)


@given(st.integers(-99, 99), st.integers(-99, 99).filter(bool))
def test_integers_divide_towards_zero(a, b):
    quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    of = {'a': np.full(8, a), 'b': np.full(8, b)}
    assert (run('y = a / b', **of) == quotient).all()
    assert (run('y = a % b', **of) == a - quotient * b).all()


@pytest.mark.parametrize('body, expected', [
    ('y = i', range(8)),
    ('y = 7 / 2 + 7 / 2. + 1 / 3.f', [3 + 3.5 + float(np.float32(1) / np.float32(3))] * 8),
    ('int k = 2.9; y = k', [2] * 8),
    ('T k = 0.1; y = k', [float(np.float32(0.1))] * 8),
    ('y = (T)0.1 * 0.5', [float(np.float32(0.1)) * 0.5] * 8),
    ('y = static_cast<T>(0.1)', [float(np.float32(0.1))] * 8),
    ('y = int(2.5) + max(i, 4)', [6, 6, 6, 6, 6, 7, 8, 9]),
    ('y = i > 2 && i != 5 || !i ? -1 : 1', [-1, 1, 1, -1, -1, 1, -1, -1]),
    ('y = 2 + 3 * 4 - (1 + 1)', [12] * 8),
    ('y = i & 3 | 4; y ^= 0', [4, 5, 6, 7] * 2),
    ('y += 1; y *= i; y -= 2; y /= 4', [(i - 2) / 4 for i in range(8)]),
    ('if (i < 3) y = 1; else if (i < 5) { y = 2; } else y = 3;', [1, 1, 1, 2, 2, 3, 3, 3]),
    ('for (int k = 0; k < 3; ++k) { y += k; }', [3] * 8),
    ('for (int k = 0; k < i; k += 2) y += 10;', [10 * ((i + 1) // 2) for i in range(8)]),
    ('for (int k = 0; k < 4; ++k) { if (k == i) continue; y += 1; }', [3] * 4 + [4] * 4),
    ('for (int k = 0; k < 2; ++k) for (int j = 0; j < 2; ++j) { if (j > i) continue; y += 1; }',
     [2, 4, 4, 4, 4, 4, 4, 4]),
    ('y = (T)-(1.0/0.0)', [-np.inf] * 8),
    ('y = exp(0.) + sqrt(4.) + tanh(0.) + fabs(-1.) + pow(2., 3.)', [12] * 8),
    ('int a = 1, b = a + 1; y = a + b // a comment\n', [3] * 8),
])
def test_bodies_mean_what_they_mean_in_c(body, expected):
    # Numbers are such that float64 is exact.
    if 'y ^= 0' in body:
        np.testing.assert_array_equal(run(body, y=np.zeros(8, np.int32)), expected)
    else:
        np.testing.assert_array_equal(run(body), expected)


def test_raw_arrays_are_read_and_written_by_index():
    out = np.zeros(8)
    y = run('r[7 - i] = x[i / 2] + 1; y = x[0]', raw={'x': np.arange(4.), 'r': out})
    assert out.tolist() == [4, 4, 3, 3, 2, 2, 1, 1] and (y == 0).all()
    # A lane that does not take part may have any index.
    assert run('if (i < 4) y = x[i]', raw={'x': np.arange(4.)}).tolist() == [0, 1, 2, 3, *[0] * 4]


@pytest.mark.parametrize('body, message', [
    ('y = x[i]', 'index from 0 to 7'), ('x[i / 4 - 1] = 0', 'index from -1'),
    ('y = z', "unknown name 'z'"), ('y = atan3(1.)', "unknown function 'atan3'"),
    ('y = v[0]', 'v is no raw array'), ('y = (1', 'ends in the middle'), ('y ? 1', 'assignment'),
    ('y = 1.5 % 2', 'floating-point'), ('y = 1 @ 2', "cannot read '@ 2'"),
    ('int 3 = y', 'name of a variable'), ('while (1) y = 1', 'expected'),
])
def test_what_cannot_be_run_is_refused(body, message):
    with pytest.raises(KernelError, match=message):
        run(body, raw={'x': np.arange(4.)})


def test_a_kernel_broadcasts_computes_and_is_remembered():
    kernel = ElementwiseKernel('T x, T s', 'T y, T z', 'y = x * s; z = x + 1', 'scaled')
    x = device([[1], [2]], np.float32)
    y, z = kernel(x, device([1, 10, 100], np.float32))
    assert y.get().tolist() == [[1, 10, 100], [2, 20, 200]]
    assert z.get().tolist() == [[2] * 3, [3] * 3] and z.dtype == np.float32
    definition = Definition('elementwise', 'scaled', 'T x, T s', 'T y, T z',
                            'y = x * s; z = x + 1')
    assert requested.pop(definition) == {
        (('float32', 2), ('float32', 1), ('float32', 2), ('float32', 2))}


def test_a_kernel_changes_outputs_in_place_also_through_views():
    kernel = ElementwiseKernel('T g, T lr', 'T p', 'p -= lr * g', 'step')
    whole = device(np.zeros((3, 2)))
    kernel(device([1, 2, 3]), 0.5, whole[:, 1])
    assert whole.get().tolist() == [[0, -0.5], [0, -1], [0, -1.5]]


@pytest.mark.parametrize('error, message, call', [
    (TypeError, 'Type is mismatched', lambda k, a: k(a, device([1, 2], np.float32))),
    (TypeError, 'Unsupported type', lambda k, a: k(a, HOST)),
    (TypeError, 'Wrong number', lambda k, a: k(a)),
    (TypeError, 'must be cupy.ndarray', lambda k, a: k(a, a, 1)),
    (ValueError, 'Out shape is mismatched', lambda k, a: k(a, a, device([1]))),
    (ValueError, 'undecided', lambda k, a: k(1, 2)),
    (ValueError, 'can be used only if all', lambda k, a: k(a, a, size=2)),
])
def test_a_kernel_refuses_what_cupys_refuses(error, message, call):
    kernel = ElementwiseKernel('T x, T y', 'T z', 'z = x + y', 'sum_of')
    with pytest.raises(error, match=message):
        call(kernel, device([1, 2]))


def test_parameters_of_a_kernel():
    assert parameters('raw T x, int32 n') == [Parameter('T', 'x', True),
                                              Parameter('int32', 'n', False)]
    with pytest.raises(ValueError, match='Invalid kernel name'):
        ElementwiseKernel('T x', 'T y', 'y = x', 'not a name')
    with pytest.raises(NotImplementedError, match='preamble'):
        ElementwiseKernel('T x', 'T y', 'y = f(x)', 'f', preamble='...')(device([1]))
