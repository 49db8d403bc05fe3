"""The authors' command ``python infer.py``; see tgan_chainer/infer.py."""
from tgan_chainer.commands.infer import main

if __name__ == '__main__':
    raise SystemExit(main())
