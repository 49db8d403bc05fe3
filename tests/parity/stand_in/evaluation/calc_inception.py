import cupy as cp
import numpy as np
from c3d_ft import Stand

import infer

EPS = 1e-7


def calc_inception(ys):
    terms = ys * np.log(ys + EPS) - ys * np.log(ys.mean(axis=0) + EPS)
    return float(np.exp(terms.sum(axis=1).mean()))


def score(fsgen, vgen, seed):
    cp.random.seed(seed)
    return calc_inception(Stand()(infer.make_video(fsgen, vgen, 48)[0])['prob'].data)
