"""The authors' command ``python evaluation/tile_prediction.py``; see the module of that name."""
from tgan_chainer.evaluation.tile_prediction import main

if __name__ == '__main__':
    raise SystemExit(main())
