"""A network of Chainer as an ONNX model, from the functions that a forward pass calls.

So a network is defined once, by its ``forward``, and a user's own can be exported, too. Chainer's
own exporter (``onnx_chainer``) stops at onnx 1.6, and fixes the batch size.
"""
import chainer
import numpy as np

from tgan_chainer.errors import ConfigError


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
          chainer.using_config('tgan_cpu_kernels', 'chainer'), _Graph(network) as graph):
        returned = network(*variables)
    returned = returned if isinstance(returned, tuple) else (returned,)
    graph.add_calls(dict(zip([variable.node for variable in variables], inputs, strict=True)),
                    {variable.creator_node: name
                     for variable, name in zip(returned, outputs, strict=True)})
    model = helper.make_model(
        helper.make_graph(
            graph.nodes, type(network).__name__,
            [_value(name, array) for name, array in inputs.items()],
            [_value(name, variable) for name, variable in zip(outputs, returned, strict=True)],
            list(graph.constants.values())),
        producer_name='tgan_chainer', doc_string=about,
        # Versions of file and operators that runtimes since 2022 read.
        ir_version=8, opset_imports=[helper.make_opsetid('', 17)])
    checker.check_model(model)
    return model


class _Graph(chainer.FunctionHook):
    """Nodes, from the functions that are called within it."""

    name = 'tgan_onnx'

    def __init__(self, network):
        # Kept, for another array might get the id of one that is gone.
        self._arrays = chainer.serializers.npz.serialize(network)
        self._keys = {id(array): key for key, array in self._arrays.items()}
        self._calls, self.constants, self.nodes = [], {}, []

    def forward_postprocess(self, function, in_data):
        self._calls.append((function, in_data))    # it learns of its inputs later

    def add_calls(self, values, outputs):
        """Add nodes; a call whose arguments depend on no input is left out: its result is known.

        ``values`` are the names of values by their variable nodes, or the functions they come from;
        ``outputs`` by the latter.
        """
        from onnx import helper
        for function, arrays in self._calls:
            names = [values.get(node) or values.get(node.creator_node) for node in function.inputs]
            if not any(names):
                continue
            kind = type(function).__name__
            if kind not in _OPERATORS:
                raise ConfigError(f'{kind}: this function of Chainer has no counterpart in the '
                                  f'export to ONNX; expected {", ".join(_OPERATORS)}')
            operator, attributes, *more = _OPERATORS[kind](function, arrays)
            inputs = [name or self._constant(array)
                      for name, array in zip([*names, *[None] * len(more)], [*arrays, *more],
                                             strict=True)]
            if kind in _REVERSED:
                inputs.reverse()
            values[function] = outputs.get(function, f'{operator}_{len(self.nodes)}')
            self.nodes.append(helper.make_node(operator, inputs, [values[function]], **attributes))

    def _constant(self, array):
        from onnx import numpy_helper
        name = self._keys.get(id(array), f'constant_{len(self.constants)}')
        self.constants.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name


def _value(name, array):
    from onnx import helper
    return helper.make_tensor_value_info(
        name, helper.np_dtype_to_tensor_dtype(array.dtype), ['N', *array.shape[1:]])


def _window(function):
    """Attributes of a convolution, whose names in two dimensions are Chainer's older ones."""
    stride, pad, dilate = (
        ((function.sy, function.sx), (function.ph, function.pw), (function.dy, function.dx))
        if hasattr(function, 'sy') else (function.stride, function.pad, function.dilate))
    return {'strides': stride, 'pads': [*pad, *pad], 'dilations': dilate, 'group': function.groups}


def _reshape(shape):
    """The first size, which the batch decides, is left to whoever runs it."""
    return 'Reshape', {}, np.array([-1, *shape[1:]])


_OPERATORS = {    # a function of a class and its arrays -> operator, attributes, further inputs
    **{name: lambda f, x, to=to: (to, {}) for name, to in (
        ('Add', 'Add'), ('EmbedIDFunction', 'Gather'), ('MatMul', 'MatMul'), ('Mul', 'Mul'),
        ('ReLU', 'Relu'), ('Sigmoid', 'Sigmoid'), ('Sub', 'Sub'), ('Tanh', 'Tanh'))},
    **{name: lambda f, x, to=to: (to, {}, np.asarray(f.value, x[0].dtype)) for name, to in (
        ('AddConstant', 'Add'), ('MulConstant', 'Mul'), ('SubFromConstant', 'Sub'))},
    **{name: lambda f, x, to=to: (to, _window(f)) for name, to in (
        ('Convolution2DFunction', 'Conv'), ('Deconvolution2DFunction', 'ConvTranspose'),
        ('ConvolutionND', 'Conv'), ('DeconvolutionND', 'ConvTranspose'))},
    'Concat': lambda f, x: ('Concat', {'axis': f.axis}),
    'ExpandDims': lambda f, x: _reshape(np.expand_dims(x[0], f.axis).shape),
    'FixedBatchNormalization': lambda f, x: ('BatchNormalization', {'epsilon': f.eps}),
    'LeakyReLU': lambda f, x: ('LeakyRelu', {'alpha': f.slope}),
    'LinearFunction': lambda f, x: ('Gemm', {'transB': 1}),
    'Reshape': lambda f, x: _reshape(x[0].reshape(f.shape).shape),
}
_REVERSED = {'EmbedIDFunction', 'SubFromConstant'}    # whose first input is ONNX's second
