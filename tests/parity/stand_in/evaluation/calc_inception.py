import sys

import chainer
import cupy as cp  # noqa: F401
import cv2
import numpy as np
from c3d_ft import Stand

from infer import get_models, make_video

EPS = 1e-7
BATCH = 48


def calc_inception(ys):
    terms = ys * np.log(ys + EPS) - ys * np.log(ys.mean(axis=0) + EPS)
    return float(np.exp(terms.sum(axis=1).mean()))


def to_clips(videos, mean):
    frames = (videos * 128 + 128).transpose(0, 2, 3, 4, 1)
    large = np.array([[cv2.resize(frame, (128, 128), interpolation=cv2.INTER_CUBIC)
                       for frame in video] for video in frames])
    clips = large[..., ::-1].transpose(0, 4, 1, 2, 3) - mean[..., 21:149]
    return clips[..., 8:120, 8:120].astype('f')


def main():
    args = dict(zip(sys.argv[1::2], sys.argv[2::2]))  # noqa: B905 -- Python 3.6
    folder, iteration = args['--result_dir'], args['--iter']
    chainer.cuda.get_device(0).use()
    chainer.cuda.cupy.random.seed(int(args['--seed']))
    fsgen, vgen, _ = get_models(folder, iteration)
    c3d = Stand()
    c3d.to_gpu()
    mean = np.load(args['--mean'])['mean']
    ys = []
    for _ in range(int(args['--calc_iter']) // BATCH):
        clips = to_clips(make_video(fsgen, vgen, BATCH)[0], mean)
        with chainer.no_backprop_mode():
            ys.append(c3d(chainer.Variable(chainer.cuda.cupy.asarray(clips)), layers=['prob'])[
                'prob'].data.get())
    score = calc_inception(np.concatenate(ys))
    with open(f'{folder}/inception_iter-{iteration}_INTER_CUBIC.txt', 'w') as file:
        file.write(f'{folder} {score}\n')
