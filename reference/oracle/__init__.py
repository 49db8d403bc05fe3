"""TGAN in NumPy float64, written from the paper's equations, for reading rather than for speed.

Every derivative is written out by hand. Networks hold their arrays in dicts under the keys of
Chainer's snapshots (`dc0/W`, `bn0/avg_var`), so any `vgen_iter_N.npz` can be put in as it is.

    layers      one function an equation, each with its derivative
    networks    G0, G1 and D, every variant; initial arrays are the caller's
    objectives  WGAN, vanilla, least squares; RMSprop, weight clipping, singular value clipping
    training    one update, in the authors' order
    scores      inception score, what is done to its classifier's input, bicubic interpolation
"""
