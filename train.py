"""The authors' command ``python train.py``; see tgan_chainer/train.py."""
from tgan_chainer.commands.train import main

if __name__ == '__main__':
    raise SystemExit(main())
