"""The authors' command ``python visualizer.py``; see tgan_chainer/commands/visualizer.py."""
from tgan_chainer.commands.visualizer import main

if __name__ == '__main__':
    raise SystemExit(main())
