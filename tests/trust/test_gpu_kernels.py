"""Which kernels are compiled, in which forms, and what is said where they cannot be."""
import importlib.util
import sys

import pytest

from trust.gpu import command, kernels, name_list

HAS_CUPY = importlib.util.find_spec('cupy') is not None

RELU = {'definition': {'kind': 'elementwise', 'name': 'relu_bwd', 'in_params': 'T y, T gy',
                       'out_params': 'T gx', 'operation': 'gx = y > 0 ? gy : (T)0',
                       'options': []},
        'arguments': [[['float32', 2]] * 3, [['float32', 5]] * 3, [['float64', 4]] * 3]}

# Put together when they run; the double calls them, or kernels._generated makes them.
PUT_TOGETHER = {'chainer/optimizers/rmsprop.py', 'chainer/utils/conv_nd.py',
                'chainer/functions/pooling/max_pooling_nd.py'}


def test_calls_of_the_same_types_are_compiled_once_joined_and_once_with_most_dimensions():
    forms = kernels.of_calls([RELU])
    assert [(form['arguments'][0], form['contiguous']) for form in forms] == [
        (('float32', 1), True), (['float32', 5], False),
        (('float64', 1), True), (['float64', 4], False)]
    assert {form['where'] for form in forms} == {'called on the double'}


def test_a_scalar_stays_one():
    called = {'definition': RELU['definition'], 'arguments': [[['float32', 3], ['float32', None]]]}
    assert [form['arguments'][1][1] for form in kernels.of_calls([called])] == [None, None]


def test_what_was_not_called_is_taken_from_the_text():
    written = kernels.of_text(set())
    found = {kernel['name'] for kernel in written}
    assert {'relu_bwd', 'bn_fwd', 'adam', 'im2col_2d', 'col2im_1d',
            'max_pool_3d_bwd', 'crossent_fwd'} <= found
    assert {kernel['kind'] for kernel in written} == {'elementwise', 'reduction'}
    again = kernels.of_text({RELU['definition']['operation']})
    assert found - {kernel['name'] for kernel in again} == {'relu_bwd'}
    of = {(kernel['name'], str(kernel['arguments'][0])): kernel for kernel in written}
    bn = of['bn_fwd', "('float64', 1)"]
    assert len(bn['arguments']) == 6 and bn['where'].startswith(
        'chainer/functions/normalization/batch_normalization.py:')
    assert of['crossent_fwd', "('int32', 1)"]['identity'] == '0'
    assert of['im2col_2d', "('float32', 1)"]['arguments'][1] == ('int32', None)


def test_no_definition_of_the_path_is_left_out():
    lines = [line for module in name_list.load()['modules']
             for line in kernels.put_together_in(module)]
    assert {line.split(':')[0] for line in lines} <= PUT_TOGETHER
    assert len(lines) == 7


@pytest.mark.parametrize('python, message', [
    ('/no/such/python', '/no/such/python: cannot be run'),
    pytest.param(sys.executable, "No module named 'cupy'.*pip install cupy-cuda12x==13.6.0 "
                 'nvidia-cuda-nvrtc-cu12', marks=pytest.mark.skipif(HAS_CUPY, reason='is there'))])
def test_what_is_missing_is_named_and_no_pass(python, message):
    with pytest.raises(kernels.NotRunError, match=message):
        kernels.compile_all([RELU], python)


def test_versions_to_install_are_those_of_the_constraints():
    constraints = (command.names.PROJECT / 'constraints.txt').read_text().split()
    assert set(kernels.INSTALL.split()) <= set(constraints)


@pytest.fixture
def canned(monkeypatch):
    """What the worker would write; the compiler's verdicts come from `verdicts`."""
    ran = {'results': [], 'caught': {}, 'modules': [], 'kernels': [RELU]}
    monkeypatch.setattr(command, 'run_worker', lambda: ran)
    verdicts = []
    monkeypatch.setattr(kernels, 'compile_all', lambda called, python: (
        verdicts, {'cupy': '13.6.0', 'nvrtc': '12.9'}))
    return verdicts


def test_exit_codes(canned, monkeypatch, capsys):
    canned.append(kernels.Verdict('relu_bwd', 'float32[1]', {'80': '', '90': ''}, 'here'))
    assert command.main(['--only', 'kernels']) == 0
    assert 'sm_80 OK, sm_90 OK -- here' in capsys.readouterr().out
    canned.append(kernels.Verdict('broken', 'float32[1]', {'80': 'error: no', '90': ''}, 'there'))
    assert command.main(['--only', 'kernels']) == command.EXIT_FAILED
    assert 'sm_80 error: no' in capsys.readouterr().out

    def refuse(called, python):
        raise kernels.NotRunError('nothing there')
    monkeypatch.setattr(kernels, 'compile_all', refuse)
    assert command.main(['--only', 'kernels', 'names']) == command.EXIT_NOT_RUN
    assert 'not run CUDA kernels nothing there' in ' '.join(capsys.readouterr().out.split())
    monkeypatch.setattr(command.names, 'check', lambda: (['cupy.x is missing'], 1))
    assert command.main(['--only', 'kernels', 'names']) == command.EXIT_FAILED


@pytest.mark.skipif(not HAS_CUPY, reason='CuPy is not installed')
def test_a_kernel_compiles_and_a_broken_one_does_not():
    broken = {'definition': {**RELU['definition'], 'operation': 'gx = no_such_name'},
              'arguments': RELU['arguments'][:1]}
    try:
        verdicts, _ = kernels.compile_all([broken], archs=('80',))
    except kernels.NotRunError as error:
        pytest.skip(str(error))
    assert [verdict.name for verdict in verdicts if not verdict.passed] == ['relu_bwd', 'relu_bwd']
    assert 'no_such_name' in verdicts[0].errors['80']
    assert {'crossent_fwd', 'dropout_fwd'} <= {v.name for v in verdicts if v.passed}
