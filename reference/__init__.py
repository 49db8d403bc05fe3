"""What the product is held against: recordings, a NumPy oracle, the paper's numbers.

Imports nothing but NumPy and the standard library, so that a fault of the product, or of Chainer,
cannot hide in it. `PROVENANCE.md` says where everything came from.
"""
