import chainer
import chainer.functions as F
from tgan_updater_base import TGANUpdaterBase


class TGANUpdaterLSGAN(TGANUpdaterBase):

    def update_core(self):
        _, fake, fake_score, real_score = self.forward()
        loss_gen = F.sum(fake_score ** 2) / fake_score.size
        loss_dis = (F.sum((fake_score + 1) ** 2) + F.sum((real_score - 1) ** 2)) / fake_score.size
        for network in (self.fsgen, self.vgen, self.vdis):
            network.cleargrads()
        loss_gen.backward()
        self.get_optimizer('fsgen').update()
        fake.unchain_backward()
        self.get_optimizer('vgen').update()
        loss_dis.backward()
        self.get_optimizer('vdis').update()
        chainer.report({'loss_gen': loss_gen, 'loss_dis': loss_dis}, self.vdis)
