"""One update of TGAN, in the order of the authors' updaters (paper, algorithm 1 with n_D = 1).

    1. real videos; z_slow ~ U(-1, 1); fake videos from G0 and G1
    2. D(fake), then D(real): two batches for the batch normalisation
    3. generators' loss on D(fake), backward, RMSprop on G0 and G1
    4. D's loss on the same fakes, backward, RMSprop on D
    5. every `freq` iterations: the constraint on D
"""
from dataclasses import dataclass, replace

import numpy as np

from reference.oracle import layers, losses, networks, optimizers


@dataclass(frozen=True)
class Updater:
    """What one of the authors' updater classes does differently from the others."""

    generator_loss: object        #: D(fake) -> (loss, derivative).
    discriminator_loss: object    #: D(fake), D(real) -> (losses, derivative in fake, in real).
    reports: tuple    #: Names of the reported losses, the generator's first where it is reported.
    constraint: object = None    #: Changes D's state after its step.
    freq: int = 1    #: The constraint acts when the iteration, from 1, is divisible by this.
    #: D's step also uses the gradient that the generators' loss left in D (authors' LSGAN updater).
    keeps_generator_gradient: bool = False
    #: With probability 1 - this, the frames of all fakes are put in one random order and those of
    #: all reals in another; None for never.
    shuffle_time_order: float | None = None


_WGAN = Updater(losses.wgan_generator, losses.wgan_discriminator,
                ('vdis/loss_gen', 'vdis/loss_dis'))

#: By the class names that configurations and recordings use.
UPDATERS = {
    'TGANUpdaterWGANSVC': replace(_WGAN, constraint=optimizers.singular_value_clipping),
    # The authors' parallel variant spreads the decompositions over GPUs; the mathematics is SVC's.
    'TGANUpdaterWGANParallelSVC': replace(_WGAN, constraint=optimizers.singular_value_clipping),
    'TGANUpdaterWGANClip': replace(_WGAN, constraint=optimizers.clip_weights),
    'TGANUpdaterVanilla': Updater(
        losses.vanilla_generator, losses.vanilla_discriminator,
        ('vdis/loss_dis_fake', 'vdis/loss_dis_real')),
    'TGANUpdaterLSGAN': Updater(
        losses.lsgan_generator, losses.lsgan_discriminator, ('vdis/loss_gen', 'vdis/loss_dis'),
        keeps_generator_gradient=True),
}


def updater(cls, **kwargs):
    """An updater by the authors' class name; `freq` and `shuffle_time_order` as they take them."""
    return replace(UPDATERS[cls], **kwargs)


def generate(models, states, z_slow, mode):
    """Fake videos, with the steps that made them.

    Every frame is one example of G1's batch, frames of a video next to each other.

    Returns:
        video (B, C, 16, H, W) in (-1, 1), G0's steps (z_fast (B, Kf, 16) last), G1's steps.
    """
    seeds = models['fsgen'].forward(states['fsgen'], z_slow, mode)
    z_fast = networks.output(seeds)
    batch, _, n_frames = z_fast.shape
    frames = models['vgen'].forward(
        states['vgen'], np.repeat(z_slow, n_frames, axis=0),
        z_fast.swapaxes(1, 2).reshape(batch * n_frames, -1), mode)
    video = networks.output(frames)
    return video.reshape(batch, n_frames, *video.shape[1:]).swapaxes(1, 2), seeds, frames


def generate_backward(models, states, seeds, frames, gvideo, grads):
    """Derivatives of all parameters of G0 and G1, from that of the video; adds to `grads`."""
    batch, _, n_frames = networks.output(seeds).shape
    gframes = gvideo.swapaxes(1, 2).reshape(networks.output(frames).shape)
    gz = models['vgen'].backward(states['vgen'], frames, gframes, grads['vgen'])
    gz_fast = gz.reshape(batch, n_frames, -1).swapaxes(1, 2)
    models['fsgen'].backward(states['fsgen'], seeds, gz_fast, grads['fsgen'])


class Training:
    """Networks in training, and the updates that train them.

    A float64 copy of `states` is trained; `rng`, a RandomState, draws z_slow, the time orders and
    D's noise.

    Attributes:
        states: Arrays of the three networks by snapshot key, float64, as trained so far.
        grads: Gradients as the last update left them.
        iteration: Updates done.
    """

    def __init__(self, models, states, updater, rng, statistics=layers.CHAINER2,
                 lr=optimizers.LR):
        self.models = models
        self.states = {key: networks.as_float64(state) for key, state in states.items()}
        self.updater = updater
        self.mode = networks.Mode(True, statistics, rng)
        self.lr = lr
        self.iteration = 0
        self.grads = {key: networks.zero_grads(state) for key, state in self.states.items()}
        self._mean_squares = {
            key: networks.zero_grads(state) for key, state in self.states.items()}

    def update(self, real):
        """One update.

        Args:
            real: (B, 16, C, 64, 64) in [-1, 1), as the datasets give it.

        Returns:
            The reported losses by name.
        """
        self.iteration += 1
        real = np.asarray(real, np.float64).swapaxes(1, 2)
        fake, seeds, frames = generate(
            self.models, self.states, self.draw_z_slow(len(real)), self.mode)
        fake_order, real_order = self.draw_time_orders()

        vdis, state = self.models['vdis'], self.states['vdis']
        on_fake = vdis.forward(state, fake[:, :, fake_order], self.mode)
        on_real = vdis.forward(state, real[:, :, real_order], self.mode)
        dis_fake, dis_real = networks.output(on_fake), networks.output(on_real)

        self.grads = {key: networks.zero_grads(state) for key, state in self.states.items()}
        loss_gen, gfake = self.updater.generator_loss(dis_fake)
        gvideo = vdis.backward(
            state, on_fake, gfake,
            self.grads['vdis'] if self.updater.keeps_generator_gradient else None)
        generate_backward(self.models, self.states, seeds, frames,
                          gvideo[:, :, np.argsort(fake_order)], self.grads)
        self._step('fsgen', 'vgen')

        losses_dis, gfake, greal = self.updater.discriminator_loss(dis_fake, dis_real)
        for steps, gscore in ((on_fake, gfake), (on_real, greal)):
            vdis.backward(state, steps, gscore, self.grads['vdis'], to_input=False)
        self._step('vdis')
        if self.updater.constraint and self.iteration % self.updater.freq == 0:
            self.updater.constraint(state)

        found = (loss_gen, *losses_dis)[-len(self.updater.reports):]
        return dict(zip(self.updater.reports, found, strict=True))

    def draw_z_slow(self, batch):
        """z_slow ~ U(-1, 1), (batch, Ks), rounded to float32 as the authors' networks take it."""
        width = self.models['fsgen'].z_slow_dim
        return self.mode.rng.uniform(-1, 1, (batch, width)).astype(np.float32).astype(np.float64)

    def draw_time_orders(self):
        """Order of the frames of all fakes, and of all reals; each a permutation of 0 to 15."""
        in_order = np.arange(networks.N_FRAMES)
        p, rng = self.updater.shuffle_time_order, self.mode.rng
        if p is None or rng.rand() < p:
            return in_order, in_order
        orders = in_order.copy(), in_order.copy()
        for order in orders:
            rng.shuffle(order)
        return orders

    def _step(self, *keys):
        for key in keys:
            state, mean_squares = self.states[key], self._mean_squares[key]
            for name, grad in self.grads[key].items():
                state[name], mean_squares[name] = optimizers.rmsprop(
                    state[name], grad, mean_squares[name], self.lr)
