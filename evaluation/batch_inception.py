"""The authors' command ``python evaluation/batch_inception.py``; see the module of that name."""
from tgan_chainer.evaluation.batch_inception import main

if __name__ == '__main__':
    raise SystemExit(main())
