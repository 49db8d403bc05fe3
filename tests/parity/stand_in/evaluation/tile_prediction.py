import numpy as np


def calc_inception(ys):
    terms = ys * np.log(ys + 1e-7) - ys * np.log(ys.mean(axis=0) + 1e-7)
    return np.exp(terms)
