import chainer
import chainer.functions as F
from tgan_updater_base import TGANUpdaterBase


class TGANUpdaterLSGAN(TGANUpdaterBase):

    def update_core(self):
        _, fake, fake_score, real_score = self.forward()
        loss_gen = F.sum(fake_score ** 2) / fake_score.size
        loss_dis = (F.sum((fake_score + 1) ** 2) + F.sum((real_score - 1) ** 2)) / fake_score.size
        self.step(fake, loss_gen, loss_dis, keep=True)
        chainer.report({'loss_gen': loss_gen, 'loss_dis': loss_dis}, self.vdis)
