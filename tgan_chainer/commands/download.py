"""`tgan download`: fetch a published file, or say how to get it; it is named when it is checked."""
import argparse
import http.client
import urllib.request
import zipfile
from pathlib import Path

from tgan_chainer.commands import flags
from tgan_chainer.commands.run import command
from tgan_chainer.datasets.published import PUBLISHED
from tgan_chainer.errors import DataError
from tgan_chainer.io.files import sha256
from tgan_chainer.io.progress import progress


def download(name):
    """Have the file of a name of :data:`PUBLISHED` at its path, checked, or print how to get it."""
    file = PUBLISHED[name]
    path = Path(file.path)
    if not file.sha256:
        print(f'{file}\nis not fetched, since nothing says whether the right file came. Download '
              f'it with a browser to {path}' + (f', {file.then}' if file.then else ''))
        return
    if not path.exists():
        part = path.with_name(f'{path.name}.part')
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            _fetch(file, part)
        except (OSError, http.client.HTTPException) as error:
            raise DataError(f'cannot fetch {file} ({error}). The same command goes on from here; '
                            f'or download it with a browser to {path}') from error
        _check(file, part, f'{part} was removed')
        part.replace(path)
    _check(file, path, 'move it away and run this again')
    if path.suffix == '.zip':
        with zipfile.ZipFile(path) as archive:
            archive.extractall(path.parent)
    print(f'{path}: {file.size:,} bytes, sha256 {file.sha256}')


def _fetch(file, part):
    """Bring ``part`` to the size of the file, from where it ends."""
    start = part.stat().st_size if part.exists() else 0
    if start >= file.size:
        return
    request = urllib.request.Request(file.address, headers={'Range': f'bytes={start}-'})
    with urllib.request.urlopen(request, timeout=60) as answer:    # seconds without a byte
        if answer.headers.get('Content-Range', '').startswith(f'bytes {start}-'):
            mode = 'ab'
        else:    # all of it, whatever was asked for
            mode, start = 'wb', 0
        with part.open(mode) as out, progress(total=file.size, initial=start, unit='B',
                                              unit_scale=True, desc=part.stem) as bar:
            while chunk := answer.read(1 << 20):
                out.write(chunk)
                bar.update(len(chunk))
    if (size := part.stat().st_size) < file.size:
        raise ConnectionError(f'the connection ended after {size:,} bytes')


def _check(file, path, remedy):
    found = sha256(path)
    if found != file.sha256:
        size = path.stat().st_size
        if path.suffix == '.part':
            path.unlink()
        raise DataError(f'{path} has {size:,} bytes and sha256 {found}, expected {file}; {remedy}')


def parse_args(argv=None):
    """Flags of the command."""
    parser = flags.parser_of(
        'download', 'Fetch a published file into data/, going on where a download broke off, and '
        'check it; or say\nhow to get it, where no checksum is known.\n\n' + '\n'.join(
            f'{name:14} {file.what}: {file.path}' for name, file in PUBLISHED.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('name', choices=PUBLISHED, metavar='NAME')
    return parser.parse_args(argv)


main = command('download', parse_args, lambda args: download(args.name))
