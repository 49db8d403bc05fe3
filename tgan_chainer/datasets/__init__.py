"""Videos to train on: Moving MNIST, UCF-101 and golf, as the authors' classes serve them.

An example is float32 (T, C, 64, 64) of values (v - 128) / 128, v in 0..255; of a labelled data set
the tuple of that and an int32 label. Offsets, crops and flips come from NumPy's global generator
(golf also asks Python's `random`), as the authors draw them: for one seed byte for byte theirs.
"""
