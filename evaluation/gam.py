"""The command ``python evaluation/gam.py``; see the module of that name."""
from tgan_chainer.evaluation.gam import main

if __name__ == '__main__':
    raise SystemExit(main())
