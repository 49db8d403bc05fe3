"""A network of Chainer as an ONNX model, from the functions that a forward pass calls.

So a network is defined once, by its ``forward``, and a user's own can be exported, too. Chainer's
own exporter (``onnx_chainer``) stops at onnx 1.6, and fixes the batch size.
"""
import chainer
import numpy as np

from tgan_chainer.errors import ConfigError

OPSET, IR_VERSION = 17, 8
"""Versions of operators and file that runtimes since 2022 read."""


def to_onnx(network, inputs, outputs, about=''):
    """What ``network`` computes in test mode -> onnx.ModelProto, whose batch size is free.

    Parameters and statistics go by their keys in a snapshot.

    Args:
        network (chainer.Link): On the CPU.
        inputs (dict): Name -> array (N, ...), an example of each argument of ``forward``, in order.
        outputs (list of str): A name for each thing that ``forward`` returns.
        about (str): For whoever reads the file.

    Raises:
        ConfigError: ``forward`` calls a function that has no counterpart here.
    """
    from onnx import checker, helper
    variables = [chainer.Variable(array, requires_grad=False) for array in inputs.values()]
    with (chainer.using_config('train', False), chainer.force_backprop_mode(),
          chainer.using_config('tgan_cpu_kernels', 'chainer'), _Calls() as calls):
        returned = network(*variables)
    returned = returned if isinstance(returned, tuple) else (returned,)
    graph = _Graph(arrays_of(network))
    graph.values.update((id(variable.node), name)
                        for variable, name in zip(variables, inputs, strict=True))
    wanted = {id(variable.creator_node): name
              for variable, name in zip(returned, outputs, strict=True)}
    for function, arrays in calls.made:
        graph.add(function, arrays, wanted.get(id(function)))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes, type(network).__name__,
            [_value(name, array) for name, array in inputs.items()],
            [_value(name, variable) for name, variable in zip(outputs, returned, strict=True)],
            list(graph.constants.values())),
        producer_name='tgan_chainer', doc_string=about, ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid('', OPSET)])
    checker.check_model(model)
    return model


def arrays_of(network):
    """{key in a snapshot: array} of a network on the CPU."""
    serializer = chainer.serializers.DictionarySerializer()
    serializer.save(network)
    return serializer.target


class _Calls(chainer.FunctionHook):
    """Keeps the functions that are called, and their arrays, in ``made``."""

    name = 'tgan_onnx'

    def __init__(self):
        self.made = []

    def forward_postprocess(self, function, in_data):
        self.made.append((function, in_data))


class _Graph:
    """Nodes so far; names of the values that depend on an input, by variable node or function."""

    def __init__(self, arrays):
        self.arrays = arrays    # kept, for another array might get the id of one that is gone
        self.keys = {id(array): key for key, array in arrays.items()}
        self.values, self.constants, self.nodes = {}, {}, []

    def add(self, function, arrays, name):
        """Add a call; one whose arguments depend on no input is left out: its result is known."""
        from onnx import helper
        names = [self.values.get(id(node)) or self.values.get(id(node.creator_node))
                 for node in function.inputs]
        if not any(names):
            return
        kind = type(function).__name__
        if kind not in _OPERATORS:
            raise ConfigError(f'{kind}: this function of Chainer has no counterpart in the export '
                              f'to ONNX; expected {", ".join(_OPERATORS)}')
        inputs = [name or self._constant(array) for name, array in zip(names, arrays, strict=True)]
        operator, more, attributes = _OPERATORS[kind](function, arrays)
        inputs += map(self._constant, more)
        if kind in _REVERSED:
            inputs.reverse()
        self.values[id(function)] = name or f'{operator}_{len(self.nodes)}'
        self.nodes.append(helper.make_node(operator, inputs, [self.values[id(function)]],
                                           **attributes))

    def _constant(self, array):
        from onnx import numpy_helper
        name = self.keys.get(id(array), f'constant_{len(self.constants)}')
        self.constants.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name


def _value(name, array):
    from onnx import helper
    return helper.make_tensor_value_info(
        name, helper.np_dtype_to_tensor_dtype(array.dtype), ['N', *array.shape[1:]])


def _plain(operator):
    return lambda function, arrays: (operator, [], {})


def _with_constant(operator):
    return lambda function, arrays: (
        operator, [np.asarray(function.value, arrays[0].dtype)], {})


def _convolution(operator):
    def convert(function, arrays):
        stride, pad, dilate = (
            ((function.sy, function.sx), (function.ph, function.pw), (function.dy, function.dx))
            if hasattr(function, 'sy') else (function.stride, function.pad, function.dilate))
        return operator, [], {'strides': stride, 'pads': [*pad, *pad], 'dilations': dilate,
                              'group': function.groups}
    return convert


def _reshape(shape):
    """The first size, which the batch decides, is left to whoever runs it."""
    return 'Reshape', [np.array([-1, *shape[1:]])], {}


_OPERATORS = {
    **{name: _plain(operator) for name, operator in (
        ('Add', 'Add'), ('MatMul', 'MatMul'), ('Mul', 'Mul'), ('ReLU', 'Relu'),
        ('Sigmoid', 'Sigmoid'), ('Sub', 'Sub'), ('Tanh', 'Tanh'))},
    'AddConstant': _with_constant('Add'),
    'MulConstant': _with_constant('Mul'),
    'SubFromConstant': _with_constant('Sub'),
    'Convolution2DFunction': _convolution('Conv'),
    'ConvolutionND': _convolution('Conv'),
    'Deconvolution2DFunction': _convolution('ConvTranspose'),
    'DeconvolutionND': _convolution('ConvTranspose'),
    'Concat': lambda function, arrays: ('Concat', [], {'axis': function.axis}),
    'EmbedIDFunction': _plain('Gather'),
    'ExpandDims': lambda function, arrays: _reshape(
        np.expand_dims(arrays[0], function.axis).shape),
    'FixedBatchNormalization': lambda function, arrays: (
        'BatchNormalization', [], {'epsilon': function.eps}),
    'LeakyReLU': lambda function, arrays: ('LeakyRelu', [], {'alpha': function.slope}),
    'LinearFunction': lambda function, arrays: ('Gemm', [], {'transB': 1}),
    'Reshape': lambda function, arrays: _reshape(arrays[0].reshape(function.shape).shape),
}
"""Class of a function -> what makes of it and its arrays: operator, further inputs, attributes."""

_REVERSED = {'EmbedIDFunction', 'SubFromConstant'}    # whose first input is ONNX's second
