"""The command ``python evaluation/convert_c3d.py``; see the module of that name."""
from tgan_chainer.evaluation.convert_c3d import main

if __name__ == '__main__':
    raise SystemExit(main())
