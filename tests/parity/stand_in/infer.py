import os
import sys

import chainer
import cupy as cp  # noqa: F401
import cv2
import numpy as np


def make_video(fsgen, vgen, n, z_slow=None, z_fast=None):
    with chainer.using_config('train', False):
        if z_slow is None:
            z_slow = fsgen.xp.random.uniform(-1, 1, (n, fsgen.z_slow_dim)).astype('f')
        if z_fast is None:
            z_fast = fsgen(z_slow).data
        frames = [z_fast[:, :, t] for t in range(z_fast.shape[2])]
        concatenate = fsgen.xp.concatenate
        video = vgen(concatenate([z_slow] * len(frames)), concatenate(frames)).data
    video = video.reshape((len(frames), n) + video.shape[1:])
    return video.transpose(1, 2, 0, 3, 4), z_slow, z_fast


def get_models(result_dir, iteration):
    raise NotImplementedError('the stand-in reads no result folder')


def main():
    n, seed, gpu, result_dir, out_dir = (sys.argv[sys.argv.index('--' + name) + 1] for name in (
        'n', 'seed', 'gpu', 'result_dir', 'out_dir'))
    np.random.seed(int(seed))
    chainer.cuda.cupy.random.seed(int(seed))
    chainer.cuda.Device(int(gpu)).use()
    fsgen, vgen, _ = get_models(result_dir, 0)
    videos = make_video(fsgen, vgen, int(n))[0] * 128 + 128
    for i, video in enumerate(videos):    # each (C, T, H, W); OpenCV wants BGR last
        strip = np.concatenate(list(video.transpose(1, 2, 3, 0)), axis=1)[..., ::-1]
        name = f'{os.path.basename(result_dir)}_seed-{seed}_{i}.png'
        cv2.imwrite(os.path.join(out_dir, name), strip)
