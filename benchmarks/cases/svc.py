"""Clipping of singular values: our hook, and the authors' full factorisation of every matrix."""
import functools

import chainer
import numpy as np

from benchmarks import ours_worker, recipe
from benchmarks.race import Contestant, race
from benchmarks.sides import OURS
from tgan_chainer.hooks.singular_value_clipping import SingularValueClipping, clip_by_svd

LAYERS = ('c0', 'c1', 'c2', 'c3', 'c4')
METHODS = {'ours': 'ours', 'svd': "authors' algorithm (numpy.linalg.svd)"}
ABOUT = {'layers': 'as they are before the first clipping of a training',
         'half': 'scaled, so that half of the singular values are above the bound'}


def work(device, clock, weights, method, size):
    """Clipping of D's five weights, one by one, each repetition of copies."""
    originals = critic_weights(tuple(size.items()), weights)
    clip = {'ours': _clip_by_hook, 'svd': _clip_on_host}[method]
    facts = [{'layer': layer, **_facts(weight, ours_worker.on_host(clip(device.send(
        weight.copy()))))} for layer, weight in originals.items()]

    def run():
        copies = [device.send(weight.copy()) for weight in originals.values()]
        each = [clock(lambda weight=weight: clip(weight))[0] for weight in copies]
        return {'seconds': sum(each), 'each': each, 'facts': facts}
    return run


@functools.cache
def critic_weights(size, weights):
    """{layer: weight} of D after as many updates as come before a clipping, ``size`` as items."""
    size = dict(size)
    updater = ours_worker.build_updater('svc', size['batch'], size)
    updater.get_optimizer('vdis').remove_hook(SingularValueClipping.name)
    np.random.seed(recipe.TRAINING_SEED)
    for _ in range(recipe.UPDATES_A_CYCLE):
        updater.update()
    found = {name: updater.vdis[name].W.array for name in LAYERS}
    if weights == 'half':
        return {name: w / np.median(_singular_values(w)) for name, w in found.items()}
    return found


def _singular_values(weight):
    return np.linalg.svd(weight.reshape(len(weight), -1), compute_uv=False)


def _facts(weight, clipped):
    """Shape, singular values above the bound, largest error beside the same in float64."""
    reference = _clip_on_host(weight.astype(np.float64))
    error = np.abs(clipped - reference).max() / np.abs(reference).max()
    return {'shape': list(weight.shape), 'above': int((_singular_values(weight) > 1).sum()),
            'error': float(error)}


def _clip_by_hook(weight):
    link = chainer.Link()
    with link.init_scope():
        link.W = chainer.Parameter(weight)
    link.to_device(chainer.backend.get_device_from_array(weight))
    SingularValueClipping().clip(link)
    return link.W.array


def _clip_on_host(weight):
    host = ours_worker.on_host(weight)
    clip_by_svd(host.reshape(len(host), -1), 1.0)
    return chainer.backend.get_array_module(weight).asarray(host)


def run(session, weights):
    """Time of all layers, and the error layer by layer."""
    outcome = race(session, [
        Contestant(label, OURS, 'svc', {
            'weights': weights, 'method': method, 'size': session.size})
        for method, label in METHODS.items()])
    ours, theirs = (answers[0]['facts'] for answers in outcome.data['answers'].values())
    outcome.text = '\n'.join([
        'largest error, relative to the largest weight of the same in float64:', *(
            f'{our["layer"]} ({" x ".join(map(str, our["shape"]))}; {our["above"]} singular values '
            f'above 1): ours {our["error"]:.1e}, authors\' {their["error"]:.1e}'
            for our, their in zip(ours, theirs, strict=True))])
    return outcome


CASES = {f'svc/{weights}': (f"clipping the singular values of D's weights, {about}", run, weights)
         for weights, about in ABOUT.items()}
