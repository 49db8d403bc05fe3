"""CPU kernels behind Chainer's FunctionNode; on the GPU Chainer's own functions run."""
