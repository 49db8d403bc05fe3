"""The worker of the authors' checkout.

    python upstream_worker.py DIR

Stands alone but for its neighbours and `parity/upstream_runner.py`, and keeps to the syntax of
Python 3.6, for it may run on Chainer 2.0.2. Nothing is written to DIR.
"""
import contextlib
import os
import platform
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(os.path.dirname(HERE), 'parity'))

import numpy as np  # noqa: E402
import protocol  # noqa: E402
import recipe  # noqa: E402
import upstream_runner  # noqa: E402
from upstream_runner import chainer  # noqa: E402


class Step:
    """Training steps of the checkout's updater; a repetition as everywhere."""

    def __init__(self, checkout, updater, batch, size):
        self.facts = {}
        self._name = updater
        self._networks = build(checkout, size)
        cls, kwargs = recipe.UPDATERS[updater]
        optimizers, self._reporter = {}, chainer.Reporter()
        for name, network in self._networks.items():
            optimizers[name] = chainer.optimizers.RMSprop(
                recipe.LEARNING_RATE, recipe.ALPHA, recipe.RMSPROP_EPS)
            optimizers[name].setup(network)
            self._reporter.add_observer(name, network)
        upstream_runner.accept_get(optimizers['vdis'])
        iterator = chainer.iterators.SerialIterator(
            recipe.videos(batch, size), batch, shuffle=False)
        self._updater = checkout.get(cls)(
            models=tuple(self._networks[name] for name in upstream_runner.NETWORKS),
            iterator=iterator, optimizer=optimizers, device=-1, **kwargs)

    def run(self):
        warm = self._updater.iteration > 0
        if not warm:
            np.random.seed(recipe.TRAINING_SEED)
        timed = []
        for _ in range(recipe.updates_a_repetition(self._name, warm)):
            timed.append(protocol.time_on_host(self._update))
            upstream_runner.view_tensors(self._networks['vdis'], np.ndarray)
        return {'seconds': [seconds for seconds, _ in timed], **recipe.found_in_losses(timed)}

    def _update(self):
        observation = {}
        with self._reporter.scope(observation):
            self._updater.update()
        return {name.split('/')[1]: upstream_runner.array_of(loss)
                for name, loss in observation.items()}


class Sampling:
    """The checkout's make_video, in test mode."""

    def __init__(self, checkout, n, size):
        self.facts = {}
        self._n = n
        self._make_video = checkout.get('make_video')
        networks = build(checkout, size)
        self._fsgen, self._vgen = networks['fsgen'], networks['vgen']
        for network in (self._fsgen, self._vgen):
            for link in network.links():
                if hasattr(link, 'avg_var'):
                    link.avg_var[...] = 1    # of no training; Chainer 2 starts at 0, 7 at 1

    def run(self):
        np.random.seed(recipe.SAMPLING_SEED)
        with chainer.using_config('train', False), chainer.no_backprop_mode():
            seconds, made = protocol.time_on_host(
                lambda: self._make_video(self._fsgen, self._vgen, self._n))
        return {'seconds': [seconds],
                'found': recipe.found_in_videos(upstream_runner.array_of(made[0]))}


def build(checkout, size):
    """The checkout's networks with the recipe's weights."""
    models = {role: {'class': cls, 'kwargs': kwargs}
              for role, (cls, kwargs) in recipe.networks(size).items()}
    return upstream_runner.build(checkout, models, recipe.BUILD_SEED)


def main():
    def environment():
        try:
            checkout.append(upstream_runner.Checkout(sys.argv[1]))
        except upstream_runner.MissingError as error:
            raise protocol.UnavailableError(str(error)) from None
        return {'python': platform.python_version(), 'executable': sys.executable,
                'chainer': chainer.__version__, 'numpy': np.__version__}

    checkout = []
    works = {'step': lambda **args: Step(checkout[0], **args),
             'sampling': lambda **args: Sampling(checkout[0], **args)}
    with contextlib.suppress(KeyboardInterrupt):    # the process that asks tells the user
        protocol.serve(environment, works)


if __name__ == '__main__':
    main()
