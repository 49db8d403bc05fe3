"""`python -m trust.gpu`."""
from trust.gpu import main

if __name__ == '__main__':
    raise SystemExit(main())
