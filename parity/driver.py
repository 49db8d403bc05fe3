"""What a recording is made of: networks, updates and sampling of one side, on seeds and inputs.

Both sides of a check run this, the authors' in a process of its own, so that nothing but the code
under comparison differs. A side has

    get(name)                the class or function of this public name
    place(network)           moves it to the side's device
    device                   of the updaters
    optimizer(network, lr)   RMSprop that is set up for it
    update(updater)          one update
    c3d(seed)                C3D of this seed
    activations(c3d, x)      pairs of a layer's name and what it makes of clips
    functions                triples (name, owner, attribute): what is recorded beside links

Runs on Python 3.6 with Chainer 2.0.2 as well as on Python 3.11 with Chainer 7.8.1: it imports
nothing of this project and keeps to the syntax of Python 3.6.
"""
import contextlib
import copy
import functools
import hashlib
import math
from unittest import mock

import chainer
import numpy as np

NETWORKS = ('fsgen', 'vgen', 'vdis')
"""The authors' names of G0, G1 and D, in the order in which they are built."""

FUNCTIONS = tuple((name, chainer.functions, name)
                  for name in ('concat', 'leaky_relu', 'relu', 'reshape', 'tanh'))
STATISTICS = ('avg_mean', 'avg_var', 'N')


def build(side, models, seed, dtype='float32'):
    """Build fsgen, vgen and vdis, in this order, after seeding NumPy's generator, and cast them.

    ``models`` is {'fsgen': {'class': name, 'kwargs': dict}, ...}, as recordings have it.
    """
    np.random.seed(seed)
    networks = {name: side.get(models[name]['class'])(**models[name]['kwargs'])
                for name in NETWORKS}
    if any(param.data is None for param in networks['vdis'].params()):
        # Its sizes are found, and its weights drawn, at the first call: of a blank video.
        kwargs = models['vdis']['kwargs']
        width = 16 * kwargs['top_width']
        video = np.zeros((1, kwargs['in_channels'], 16, width, width), np.float32)
        with chainer.using_config('train', False), chainer.no_backprop_mode():
            networks['vdis'](chainer.Variable(video))
    if dtype != 'float32':
        for network in networks.values():
            cast(network, dtype)
    return networks


def place(side, networks):
    """Have networks on the side's device."""
    for network in networks.values():
        side.place(network)
    return networks


def tensors(network):
    """(object, attribute, array) of every parameter and running statistic."""
    owners = [(param, 'data') for param in network.params()] + [
        (link, name) for link in network.links() for name in STATISTICS]
    found = [(owner, name, getattr(owner, name, None)) for owner, name in owners]
    return [each for each in found if hasattr(each[2], 'shape')]    # of CuPy, too


def set_variances(networks, value):
    """Set every running variance: untrained, it is 0 on Chainer 2 and 1 on Chainer 7."""
    for network in networks.values():
        for _, name, array in tensors(network):
            if name == 'avg_var':
                array[...] = value


def cast(network, dtype):
    """Cast a network that was drawn in float32, and whatever is handed to it from now on."""
    for owner, name, array in tensors(network):
        if array.dtype.kind == 'f':
            setattr(owner, name, array.astype(dtype))
    network.cleargrads()    # which were made with the parameters, of their dtype
    for link in network.links():
        # Of the beta that Chainer 7 makes where there is none.
        if hasattr(link, '_highprec_dtype'):
            link._highprec_dtype = np.dtype(dtype)
    intercept(network, lambda call, args, kwargs: call(*[
        chainer.functions.cast(x, dtype) if x.dtype != dtype and x.dtype.kind == 'f' else x
        for x in args], **kwargs))


def intercept(link, around):
    """Have ``around(call, args, kwargs)`` called instead of the link, which is ``call``.

    By a subclass, for this object only: Chainer 2 has no hooks of links.
    """
    cls = type(link)

    def __call__(self, *args, **kwargs):
        return around(functools.partial(cls.__call__, self), args, kwargs)

    link.__class__ = type(cls.__name__, (cls,), {'__call__': __call__})


def layers(network, name):
    """(path, link), 'vdis/c0' and so on, of every link that has none inside it."""
    return [(name + path, link) for path, link in network.namedlinks(skipself=True)
            if not isinstance(link, chainer.Chain)]


def array_of(x):
    """A Variable, or an array of any device -> NumPy's."""
    x = x.data if isinstance(x, chainer.Variable) else x
    return np.asarray(x.get() if hasattr(x, 'get') else x)


def sampled(array, limit):
    """Every n-th value of the flattened array, at most ``limit`` (None: whole), and n."""
    if limit is None:
        return array, 1
    stride = max(1, math.ceil(array.size / limit))
    return array.ravel()[::stride].copy(), stride


def sha256(array):
    """Of an array's bytes in C order."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def state(network):
    """Everything that a snapshot of the network holds, by key."""
    serializer = chainer.serializers.DictionarySerializer()
    serializer.save(network)
    return {key: np.array(value) for key, value in serializer.target.items()}


def index(named_arrays, limit, prefix=''):
    """Summaries of arrays, and the arrays sampled, by the keys under which they are stored."""
    entries, kept = [], {}
    for i, (name, array) in enumerate(named_arrays):
        key = f'{i:03d}'
        kept[prefix + key], stride = sampled(array, limit)
        wide = array.astype(np.float64).ravel()
        entries.append({'key': key, 'name': name, 'shape': list(array.shape),
                        'dtype': str(array.dtype), 'stride': stride,
                        'sum': float(wide.sum()), 'l2': float(np.linalg.norm(wide))})
    return entries, kept


# -- the kinds of recording: (side, request, inputs) -> what was found, arrays by name -------------

def run_init(side, request, inputs):
    """Bytes of every initial array of some configurations."""
    return {'models': {config: {name: dict(models[name], state=[
        {'key': key, 'shape': list(array.shape), 'dtype': str(array.dtype),
         'sha256': sha256(array)} for key, array in sorted(state(network).items())])
        for name, network in place(side, build(side, models, request['seed'])).items()}
        for config, models in request['models'].items()}}, {}


def run_forward(side, request, inputs, networks=None):
    """Every tensor of one pass through G0, G1 and D, and the running statistics after it.

    G1 has z_slow (B, Ks) and G0's first frame, D the video (B, C, 16, H, W). ``networks`` that are
    given take the place of new ones.
    """
    networks = place(side, networks or build(
        side, request['models'], request['seeds']['build'], request['dtype']))
    z_slow, video = (networks['vdis'].xp.asarray(inputs[name].astype(request['dtype']))
                     for name in ('z_slow', 'video'))
    np.random.seed(request['seeds']['forward'])    # of D's noise
    stages, arrays = {}, {}

    def call(network, name, *args):
        out, calls = record(side, networks[name], name, *args)
        stages[network], kept = index(calls, request['limit'], network + '_')
        arrays.update(kept)
        return out

    with chainer.using_config('train', request['train']), chainer.no_backprop_mode():
        z_fast = call('G0', 'fsgen', z_slow)
        call('G1', 'vgen', z_slow, z_fast.data[:, :, 0])
        call('D', 'vdis', video)
    for name, network in networks.items():
        arrays.update(('stat_{}.{}'.format(path.replace('/', '.'), key),
                       array_of(getattr(link, key)))
                      for path, link in layers(network, name)
                      for key in STATISTICS if hasattr(link, key))
    return {'stages': stages}, arrays


def record(side, network, name, *args):
    """Call a network -> its output, and (name, output) of its links and functions in call order.

    What a link or a function calls itself is left out.
    """
    calls, depth = [], [0]

    def recording(what, call, args, kwargs):
        depth[0] += 1
        out = call(*args, **kwargs)
        depth[0] -= 1
        if not depth[0]:
            calls.append((what, array_of(out)))
        return out

    def of_function(what, function):
        return lambda *args, **kwargs: recording(what, function, args, kwargs)

    def of_link(path, link):
        def around(call, args, kwargs):
            activation = kwargs.get('activation', (*args, None)[1])
            if activation is None or depth[0]:
                return recording(path, call, args, kwargs)
            # Our batch normalisation computes both in one pass. A copy shows what the activation
            # is given, since statistics move once.
            recording(path, copy.deepcopy(link), args[:1], {})
            return recording('leaky_relu' if getattr(activation, 'slope', True) else 'relu',
                             call, args, kwargs)
        intercept(link, around)

    with contextlib.ExitStack() as stack:
        for what, owner, attribute in side.functions:
            stack.enter_context(mock.patch.object(
                owner, attribute, of_function(what, getattr(owner, attribute))))
        for path, link in layers(network, name):
            of_link(path, link)
        return network(*map(chainer.Variable, args)), calls


def training(side, networks, updater, kwargs, videos, batch, lr):
    """Set up an updater -> function of one update, which returns the losses.

    ``videos``, float32 (n, T, C, H, W), are taken in order, ``batch`` an update.
    """
    place(side, networks)
    optimizers, reporter = {}, chainer.Reporter()
    for name in NETWORKS:
        optimizers[name] = side.optimizer(networks[name], lr)
        reporter.add_observer(name, networks[name])
    updater = side.get(updater)(
        models=tuple(networks[name] for name in NETWORKS), optimizer=optimizers,
        device=side.device, iterator=chainer.iterators.SerialIterator(videos, batch, shuffle=False),
        **kwargs)

    def update():
        losses = {}
        with reporter.scope(losses):
            side.update(updater)
        return losses

    return update


def run_train(side, request, inputs, networks=None):
    """Losses and norms of some updates; gradients after the first, parameters after the last."""
    networks = networks or build(
        side, request['models'], request['seeds']['build'], request['dtype'])
    update = training(side, networks, request['updater']['cls'], request['updater']['kwargs'],
                      inputs['videos'], request['batch'], request['lr'])
    np.random.seed(request['seeds']['training'])
    named = {name + path.replace('/', '.'): param for name in NETWORKS
             for path, param in networks[name].namedparams()}
    trace, arrays = [], {}
    for iteration in range(1, request['n_updates'] + 1):
        losses = update()
        trace.append({
            'iteration': iteration,
            'loss': {key: float(array_of(loss)) for key, loss in losses.items()},
            'param_l2': {name: {path: float(np.linalg.norm(array_of(param).astype('d').ravel()))
                                for path, param in networks[name].namedparams()}
                         for name in NETWORKS}})
        if iteration == 1:    # a parameter that is never used has no gradient
            arrays.update(('grad1.' + name, np.array(array_of(param.grad)))
                          for name, param in named.items() if param.grad is not None)
    arrays.update(('param.' + name, array_of(param)) for name, param in named.items())
    largest = {path: float(np.linalg.norm(array_of(param).reshape(len(param), -1).astype('d'), 2))
               for path, param in networks['vdis'].namedparams() if param.ndim >= 4}
    return {'trace': trace, 'top_singular_value_after': largest}, {
        name: sampled(array, request['limit'])[0] for name, array in arrays.items()}


def run_infer(side, request, inputs):
    """What make_video makes of untrained generators."""
    networks = place(side, build(side, request['models'], request['seeds']['build']))
    np.random.seed(request['seeds']['infer'])
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        y, z_slow, z_fast = map(array_of, side.get('make_video')(
            networks['fsgen'], networks['vgen'], request['n']))
    return ({'y_shape': list(y.shape), 'y_sha256': sha256(y), 'y_sum': float(y.astype('d').sum())},
            {'z_slow': z_slow, 'z_fast': z_fast, 'y_strided': sampled(y, request['limit'])[0]})


def run_c3d(side, request, inputs):
    """Initial weights of C3D, and every activation of one clip."""
    network = side.c3d(request['seed'])
    side.place(network)
    params = {path[1:]: {'shape': list(param.shape), 'sha256': sha256(array_of(param))}
              for path, param in network.namedparams()}
    x = chainer.Variable(network.xp.asarray(inputs['x']))
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        found = [(name, array_of(y)) for name, y in side.activations(network, x)]
    entries, arrays = index(found, request['limit'])
    return {'params': params, 'index': entries}, arrays
