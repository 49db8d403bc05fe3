import chainer
import chainer.functions as F
import cupy as cp


def make_video(fsgen, vgen, n, z_slow=None, z_fast=None):
    with chainer.using_config('train', False):
        if z_slow is None:
            z_slow = fsgen.xp.random.uniform(-1, 1, (n, fsgen.z_slow_dim)).astype('f')
        if z_fast is None:
            z_fast = fsgen(z_slow).data
        frames = [vgen(z_slow, z_fast[:, :, t]) for t in range(z_fast.shape[2])]
    return F.stack(frames, axis=2).data, z_slow, z_fast


def get_models(result_dir, iteration):
    raise NotImplementedError('the stand-in reads no result folder')


def seed_everything(seed):
    cp.random.seed(seed)
