"""Checks that this project computes what the authors' code computes."""
import tgan_chainer  # noqa: F401 -- makes Chainer importable before a module here imports it
