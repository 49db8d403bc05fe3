"""What all updaters share: batches, latent vectors, the forward pass, and who is updated when."""
import contextlib

import chainer
import chainer.functions as F
import numpy as np
from chainer.training.updaters import StandardUpdater

from tgan_chainer.functions.cpu.parallel import single_threaded_blas
from tgan_chainer.models.sampling import (
    draw_z_slow,
    first_generator,
    generate_video,
    given,
    make_z_fast,
)


class TGANUpdaterBase(StandardUpdater):
    """One training step of TGAN (paper Algorithm 1 with n_D = 1; order as in FACTS §3).

    The same step trains every system: one with a single generator (``fsgen`` is None), and a
    conditional one, whose examples are pairs of a video and its label and whose networks are called
    with labels. Its fake videos are of the same categories as the real ones of the batch.

    A subclass defines :meth:`update_core` from these steps, each of which may be overridden:
    :meth:`_get_real_video`, :meth:`_get_seeds`, :meth:`_generate_fake_video`, :meth:`forward`.

    Args:
        models: The three networks (fsgen, vgen, vdis): G0, G1 and D; fsgen is None where vgen
            makes whole videos.
        iterator: Iterator of examples (T, C, H, W) in [-1, 1], or of pairs of them and a label.
        optimizer (dict): Their optimizers, by the names 'fsgen' (if any), 'vgen', 'vdis'.
        device: Where the networks and the batches go; None leaves the networks where they are.
        shuffle_time_order (float or None): Probability p of keeping the order of time. With
            probability 1 - p one permutation of time is applied to all fake videos of the batch
            and another to all real ones. None never shuffles and draws no random number.

    Attributes:
        losses (tuple of str): Names under ``vdis/`` that the updater reports.
        labels: Array (B,) of int32, the categories of the batch in hand, real and fake; None where
            the examples have none.

    Raises:
        ValueError: ``shuffle_time_order`` is outside [0, 1]; D returns a pair of scores and the
            updater takes one, or the other way round.
    """

    losses = ('loss_gen', 'loss_dis')
    takes_pair = False    # of scores, as VideoAndFrameDiscriminator returns it

    def __init__(self, models, iterator, optimizer, device=None,
                 shuffle_time_order: float | None = None):
        super().__init__(iterator, optimizer, device=device)
        if shuffle_time_order is not None and not 0 <= shuffle_time_order <= 1:
            raise ValueError(
                f'shuffle_time_order is {shuffle_time_order}: expected a probability in [0, 1]')
        self.fsgen, self.vgen, self.vdis = models
        self._check_scores()
        self.shuffle_time_order = shuffle_time_order
        self.labels = None

    def update(self):
        """Train on the next batch.

        Outside this package's CPU kernels, which have threads of their own, BLAS has one thread;
        Chainer's own kernels have its threads and no others.
        """
        ours = chainer.config.tgan_cpu_kernels == 'tgan'
        with single_threaded_blas() if ours else contextlib.nullcontext():
            super().update()

    def _check_scores(self):
        critic, updater = type(self.vdis).__name__, type(self).__name__
        returns_pair = getattr(self.vdis, 'returns_pair', False)
        if returns_pair and not self.takes_pair:
            raise ValueError(f'{critic} returns a pair of scores, {updater} takes one; take '
                             'TGANUpdaterWGANVideoFrameDis')
        if self.takes_pair and not returns_pair:
            raise ValueError(f'{critic} returns one score, {updater} takes the pair of '
                             'VideoAndFrameDiscriminator; take TGANUpdaterWGANSVC')

    def _get_real_video(self):
        """Take the next batch (B, T, C, H, W) -> Variable (B, C, T, H, W); sets ``labels``."""
        batch = self.converter(self.get_iterator('main').next(), self.input_device)
        batch, self.labels = batch if isinstance(batch, tuple) else (batch, None)
        return chainer.Variable(batch.transpose(0, 2, 1, 3, 4).astype(
            chainer.get_dtype(), copy=False))

    def _get_seeds(self, batchsize):
        """Draw z_slow (B, Ks) and make z_fast (B, Kf, T) = G0(z_slow), both Variables.

        Without G0, z_fast is None.
        """
        z_slow = chainer.Variable(
            draw_z_slow(first_generator(self.fsgen, self.vgen), batchsize))
        return z_slow, make_z_fast(self.fsgen, z_slow, self.labels)

    def _generate_fake_video(self, z_slow, z_fast):
        """z_slow (B, Ks), z_fast (B, Kf, T) -> video (B, C, T, H, W) in [-1, 1]."""
        return generate_video(self.vgen, z_slow, z_fast, *given(self.labels))

    def _judge(self, video):
        """video (B, C, T, H, W) -> D's scores, in D's shape."""
        return self.vdis(video, *given(self.labels))

    def forward(self):
        """Run all networks once -> real, fake, D(fake), D(real).

        D sees the fake batch first and the real one second, in two calls: two batches for its
        batch normalisation, and that order in its running statistics.
        """
        real = self._get_real_video()
        fake = self._generate_fake_video(*self._get_seeds(len(real)))
        if self._shuffles_time():
            fake, real = permute_time(fake), permute_time(real)
        return real, fake, self._judge(fake), self._judge(real)

    def _shuffles_time(self):
        return self.shuffle_time_order is not None and np.random.rand() > self.shuffle_time_order

    def _generators(self):
        """Names of the networks that are updated together, in the authors' order."""
        return [name for name in ('fsgen', 'vgen') if getattr(self, name) is not None]

    def _clear_generator_gradients(self):
        for name in self._generators():
            getattr(self, name).cleargrads()

    def _backward_generators(self, variable, grad):
        """Put into the generators the gradient of their loss, ``grad`` at ``variable``.

        If ``vgen`` has a penalty of its own, such as the mask of Video GAN, it is part of the loss
        and is reported as ``vgen/penalty``.
        """
        self._clear_generator_gradients()
        variable.grad = grad
        variables = [variable]
        penalty = getattr(self.vgen, 'penalty', None)
        if penalty is not None:
            penalty.grad = penalty.xp.ones_like(penalty.array)
            variables.append(penalty)
            chainer.report({'penalty': penalty}, self.vgen)
        chainer.backward(variables)

    def _update_generators(self):
        """Update G0 and G1 by the gradients they hold."""
        for name in self._generators():
            self.get_optimizer(name).update()

    def _report(self, **losses):
        """Report losses under the authors' keys, ``vdis/NAME``."""
        chainer.report(losses, self.vdis)


def permute_time(video):
    """Put the frames of all videos (B, C, T, H, W) into one random order."""
    order = np.arange(video.shape[2], dtype=np.int32)
    np.random.shuffle(order)
    return F.permutate(video, video.xp.asarray(order), axis=2)
