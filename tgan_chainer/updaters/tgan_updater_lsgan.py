"""The least-squares GAN (Mao et al. 2017), as the authors update it."""
import chainer.functions as F

from tgan_chainer.updaters.tgan_updater_base import TGANUpdaterBase


class TGANUpdaterLSGAN(TGANUpdaterBase):
    """D's loss has targets -1 for fake and 1 for real, the generators' loss 0.

    Kept from the authors' code (FACTS §3): D's gradients are cleared once, before both backward
    passes, so D's update also holds what the generators' loss put there; and G1 is updated after
    D's graph is cut from the fake batch, which changes no number.
    """

    critic_scale = 1, 0.0    # the targets' middle

    def update_core(self):
        _, fake, d_fake, d_real = self.forward()
        loss_gen = squared_error(d_fake, 0)
        loss_dis = squared_error(d_fake, -1) + squared_error(d_real, 1)

        self.vdis.cleargrads()
        self._update_generators(loss_gen, loss_gen.xp.ones_like(loss_gen.array))

        fake.unchain_backward()
        loss_dis.backward()
        self.get_optimizer('vdis').update()
        self._report(loss_gen=loss_gen, loss_dis=loss_dis)


def squared_error(scores, target):
    """Mean squared difference of ``scores`` (B, 1, 1, 1) from one ``target``."""
    return F.mean(F.square(scores - target))
