"""The authors' updates, written anew from FACTS §3, as something to measure ours by.

Two backward passes through D's fake batch, and weights clipped by the factorisation of every
matrix on the host, counted from 0: what :mod:`tgan_chainer.updaters` and
:mod:`tgan_chainer.hooks` do with less arithmetic. Only the forward pass is theirs.
"""
import chainer
import chainer.functions as F
import numpy as np
from chainer.backends import cuda

from tgan_chainer.updaters.tgan_updater_base import TGANUpdaterBase


class AuthorsUpdater(TGANUpdaterBase):
    """Generators by their loss; then D, from the same fake batch, by its own."""

    def update_core(self):
        _, fake, d_fake, d_real = self.forward()
        loss_gen, loss_dis, reported = self.compute_losses(d_fake, d_real)
        self.clear_gradients()
        loss_gen.backward()
        self.get_optimizer('fsgen').update()
        self.get_optimizer('vgen').update()

        fake.unchain_backward()
        self.clear_critic_gradients()
        loss_dis.backward()
        self.get_optimizer('vdis').update()
        self.constrain()
        chainer.report(reported, self.vdis)

    def compute_losses(self, d_fake, d_real):
        """Scores of D -> the generators' loss, D's, and what is reported by name."""
        raise NotImplementedError

    def clear_gradients(self):
        """Before the first backward pass."""
        self.fsgen.cleargrads()
        self.vgen.cleargrads()

    def clear_critic_gradients(self):
        """Before the second, which would otherwise add to what the first left in D."""
        self.vdis.cleargrads()

    def constrain(self):
        """After D's update."""


class AuthorsWGAN(AuthorsUpdater):
    """Wasserstein GAN without a constraint."""

    def compute_losses(self, d_fake, d_real):
        batch = len(d_fake)
        loss_gen = -F.sum(d_fake) / batch
        loss_dis = F.sum(d_fake) / batch - F.sum(d_real) / batch
        return loss_gen, loss_dis, {'loss_gen': loss_gen, 'loss_dis': loss_dis}


class AuthorsWGANClip(AuthorsWGAN):
    """All parameters of D clipped to [-0.01, 0.01]."""

    def constrain(self):
        for param in self.vdis.params():
            param.array = self.vdis.xp.clip(param.array, -0.01, 0.01)


class AuthorsWGANSVC(AuthorsWGAN):
    """Singular values of D clipped at 1 every ``freq`` updates, on the host."""

    def __init__(self, models, iterator, optimizer, device=None, freq=1):
        super().__init__(models, iterator, optimizer, device)
        self.freq = freq
        self.updates = 0

    def constrain(self):
        self.updates += 1
        if self.updates % self.freq:
            return
        xp = self.vdis.xp
        for param in self.vdis.params():
            if param.ndim >= 4:
                param.array = xp.asarray(clip_singular_values(cuda.to_cpu(param.array)))
        for link in self.vdis.links():
            if isinstance(link, chainer.links.BatchNormalization):
                upper = xp.sqrt(link.avg_var)
                link.gamma.array = xp.clip(link.gamma.array, 0.01 * upper, upper)


class AuthorsVanilla(AuthorsUpdater):
    """Sigmoid cross entropy; D's label is 1 for fake and 0 for real, the generators' 0 for fake."""

    losses = ('loss_dis_fake', 'loss_dis_real')

    def compute_losses(self, d_fake, d_real):
        zeros = self.vdis.xp.zeros(d_fake.shape, 'i')
        loss_fake = F.sigmoid_cross_entropy(d_fake, zeros + 1)
        loss_real = F.sigmoid_cross_entropy(d_real, zeros)
        return F.sigmoid_cross_entropy(d_fake, zeros), loss_fake + loss_real, {
            'loss_dis_fake': loss_fake, 'loss_dis_real': loss_real}


class AuthorsLSGAN(AuthorsUpdater):
    """Squared error; D keeps the gradient of the generators' loss."""

    def compute_losses(self, d_fake, d_real):
        loss_gen = F.mean(d_fake ** 2)
        loss_dis = F.mean((d_fake + 1) ** 2) + F.mean((d_real - 1) ** 2)
        return loss_gen, loss_dis, {'loss_gen': loss_gen, 'loss_dis': loss_dis}

    def clear_gradients(self):
        super().clear_gradients()
        self.vdis.cleargrads()

    def clear_critic_gradients(self):
        pass


UPDATERS = {'svc': AuthorsWGANSVC, 'clip': AuthorsWGANClip, 'vanilla': AuthorsVanilla,
            'lsgan': AuthorsLSGAN}
"""By the names of :data:`benchmarks.recipe.UPDATERS`."""


def clip_singular_values(weight):
    """A weight (out, ...) on the host -> the same with singular values of at most 1.

    As a matrix (out, -1), factorised whether or not one exceeds the bound.
    """
    u, s, vt = np.linalg.svd(weight.reshape(len(weight), -1), full_matrices=False)
    return ((u * np.minimum(s, 1)) @ vt).reshape(weight.shape)
