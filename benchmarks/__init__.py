"""What this project costs beside others, measured side by side: `python -m benchmarks`."""
import tgan_chainer  # noqa: F401 -- makes Chainer importable before a module here imports it
