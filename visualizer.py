"""The authors' command ``python visualizer.py``; see tgan_chainer/visualizer.py."""
from tgan_chainer.visualizer import main

if __name__ == '__main__':
    raise SystemExit(main())
