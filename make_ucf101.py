"""The authors' command ``python make_ucf101.py``; see tgan_chainer/prepare/ucf101.py."""
from tgan_chainer.prepare.ucf101 import main

if __name__ == '__main__':
    raise SystemExit(main())
