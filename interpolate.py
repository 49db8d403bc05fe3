"""The command ``python interpolate.py``; see tgan_chainer/interpolate.py."""
from tgan_chainer.commands.interpolate import main

if __name__ == '__main__':
    raise SystemExit(main())
