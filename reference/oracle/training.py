"""One update of TGAN, in the order of the authors' updaters (paper, algorithm 1 with n_D = 1).

    1. real videos; z_slow ~ U(-1, 1); fake videos from G0 and G1
    2. D(fake), then D(real): two batches for the batch normalisation
    3. generators' loss on D(fake), backward, RMSprop on G0 and G1
    4. D's loss on the same fakes, backward, RMSprop on D
    5. every `freq` iterations: the constraint on D
"""
from dataclasses import dataclass, replace

import numpy as np

from reference.oracle import networks, objectives
from reference.oracle.networks import output, run_backward, run_forward


@dataclass(frozen=True)
class Updater:
    """What one of the authors' updater classes does differently from the others."""

    objective: objectives.Objective
    constraint: object = None    #: Changes D's state after its step.
    freq: int = 1    #: The constraint acts when the iteration, from 1, is divisible by this.
    #: Report the two terms of D's loss instead of the generator's loss and their sum.
    reports_terms: bool = False
    #: D's step also uses the gradient that the generators' loss left in D (authors' LSGAN updater).
    keeps_generator_gradient: bool = False
    #: With probability 1 - this, the frames of all fakes are put in one random order and those of
    #: all reals in another; None for never.
    shuffle_time_order: float | None = None


UPDATERS = {
    'TGANUpdaterWGANSVC': Updater(objectives.WGAN, objectives.singular_value_clipping),
    # The authors' parallel variant spreads the decompositions over GPUs; the mathematics is SVC's.
    'TGANUpdaterWGANParallelSVC': Updater(objectives.WGAN, objectives.singular_value_clipping),
    'TGANUpdaterWGANClip': Updater(objectives.WGAN, objectives.clip_weights),
    'TGANUpdaterVanilla': Updater(objectives.VANILLA, reports_terms=True),
    'TGANUpdaterLSGAN': Updater(objectives.LSGAN, keeps_generator_gradient=True),
}
"""By the class names that configurations and recordings use."""


class Training:
    """Networks in training, and the updates that train them.

    `states`, the arrays of the networks by snapshot key, are copied to float64; `grads` are as the
    last update left them. `updater` is of `UPDATERS`, `kwargs` as the authors' takes them. `rng`, a
    RandomState, draws z_slow, the time orders and D's noise; `statistics` as
    `layers.running_statistics` takes it.
    """

    def __init__(self, models, states, updater, kwargs, rng, statistics, lr=5e-5):
        self.models, self.updater, self.lr = models, replace(UPDATERS[updater], **kwargs), lr
        self.states = {role: {key: value if key.endswith('/N') else value.astype(np.float64)
                              for key, value in state.items()} for role, state in states.items()}
        self.mode = networks.Mode(True, statistics, rng)
        self.iteration = 0
        self.grads, self._mean_squares = self._zero_grads(), self._zero_grads()

    def _zero_grads(self):    # parameters never reached keep them
        return {role: {key: np.zeros_like(value) for key, value in state.items()
                       if networks.is_parameter(key)} for role, state in self.states.items()}

    def update(self, real):
        """One update with real videos (B, 16, C, 64, 64) in [-1, 1) -> reported losses by name."""
        self.iteration += 1
        real = np.asarray(real, np.float64).swapaxes(1, 2)
        width, rng = len(self.states['fsgen']['dc0/W']), self.mode.rng
        z_slow = rng.uniform(-1, 1, (len(real), width)).astype(np.float32)    # as theirs take it
        fake, seeds, frames = self._generate(z_slow.astype(np.float64))
        fake_order, real_order = np.arange(networks.N_FRAMES), np.arange(networks.N_FRAMES)
        p = self.updater.shuffle_time_order
        if p is not None and rng.rand() >= p:
            rng.shuffle(fake_order)
            rng.shuffle(real_order)

        state, objective = self.states['vdis'], self.updater.objective
        on_fake, on_real = (run_forward(self.models['vdis'], state, video, self.mode)
                            for video in (fake[:, :, fake_order], real[:, :, real_order]))

        self.grads = self._zero_grads()
        loss_gen, gscore = objective.generator(output(on_fake))
        gfake = run_backward(
            on_fake, gscore,
            self.grads['vdis'] if self.updater.keeps_generator_gradient else None)
        self._generate_backward(seeds, frames, gfake[:, :, np.argsort(fake_order)])
        self._step('fsgen', 'vgen')

        terms = []
        for steps, term in ((on_fake, objective.fake), (on_real, objective.real)):
            loss, gscore = term(output(steps))
            terms.append(loss)
            run_backward(steps, gscore, self.grads['vdis'], to_input=False)
        self._step('vdis')
        if self.updater.constraint and self.iteration % self.updater.freq == 0:
            self.updater.constraint(state)
        if self.updater.reports_terms:
            return dict(zip(('vdis/loss_dis_fake', 'vdis/loss_dis_real'), terms, strict=True))
        return {'vdis/loss_gen': loss_gen, 'vdis/loss_dis': sum(terms)}

    def _generate(self, z_slow):
        """Fake videos (B, C, 16, H, W) in (-1, 1), with the steps of G0 and G1 that made them.

        Every frame is one example of G1's batch, frames of a video next to each other.
        """
        seeds = run_forward(self.models['fsgen'], self.states['fsgen'], z_slow, self.mode)
        batch, width, n_frames = output(seeds).shape
        frames = self.models['vgen'].forward(
            self.states['vgen'], np.repeat(z_slow, n_frames, axis=0),
            output(seeds).swapaxes(1, 2).reshape(batch * n_frames, width), self.mode)
        video = output(frames)
        return video.reshape(batch, n_frames, *video.shape[1:]).swapaxes(1, 2), seeds, frames

    def _generate_backward(self, seeds, frames, gvideo):
        """Add the derivatives of all parameters of G0 and G1, from that of the video."""
        batch, width, n_frames = output(seeds).shape
        gframes = gvideo.swapaxes(1, 2).reshape(output(frames).shape)
        gz = self.models['vgen'].backward(frames, gframes, self.grads['vgen'])
        gz_fast = gz.reshape(batch, n_frames, width).swapaxes(1, 2)
        run_backward(seeds, gz_fast, self.grads['fsgen'], to_input=False)

    def _step(self, *roles):
        for role in roles:
            state, mean_squares = self.states[role], self._mean_squares[role]
            for key, grad in self.grads[role].items():
                state[key], mean_squares[key] = objectives.rmsprop(
                    state[key], grad, mean_squares[key], self.lr)
