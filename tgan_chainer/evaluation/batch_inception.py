"""Inception scores of many result folders in a table (authors' evaluation/batch_inception.py).

The table has their columns and words (FACTS §11). Theirs, whose header may come last, are read.
"""
import csv
import io
from pathlib import Path

from tgan_chainer import config
from tgan_chainer.commands import flags
from tgan_chainer.commands.run import command
from tgan_chainer.datasets.checks import telling_damage
from tgan_chainer.device import get_device
from tgan_chainer.errors import ConfigError
from tgan_chainer.evaluation import inception_score, ledger, scoring_flags
from tgan_chainer.evaluation.sources import open_result
from tgan_chainer.io import files, snapshots
from tgan_chainer.models.frame_seed_generator import N_FRAMES

HEADER = ['Inception Score (Mean)', 'Inception Score (Std)', 'Inception Score (Best)', 'Dataset',
          'Model', 'Iteration', 'z_slow dim', 'z_fast dim', 'Updater', 'n_frames', 'Clip',
          'Parallel', 'Batchsize', 'Result dir']

# Model, Clip and Parallel in the authors' words. They have none for LSGAN, and say SVC of a
# TGANUpdaterWGAN, which is not among their updaters. Ours does not clip.
_WORDS = {
    'TGANUpdaterVanilla': ('Vanilla', 'None', 'FALSE'),
    'TGANUpdaterLSGAN': ('LSGAN', 'None', 'FALSE'),
    'TGANUpdaterWGAN': ('WGAN', 'None', 'FALSE'),
    'TGANUpdaterWGANClip': ('WGAN', 'Clip', 'FALSE'),
    'TGANUpdaterWGANSVC': ('WGAN', 'SVC', 'FALSE'),
    'TGANUpdaterWGANParallelSVC': ('WGAN', 'SVC', 'TRUE'),
    'TGANUpdaterWGANVideoFrameDis': ('WGAN', 'SVC', 'TRUE'),
    'TGANUpdaterWGANPullingAway': ('WGAN', 'SVC', 'FALSE'),
}


def parse_args(argv=None):
    """Flags of the command: the authors' (FACTS §10), --out, and what ``add_flags`` adds."""
    parser = flags.parser_of(
        'batch-inception', "Inception scores of result folders: mean, standard deviation and best "
        "of the protocol's seeds. The new table carries on the one before; what has a row there is "
        'not measured again.')
    parser.add_argument('--target_iter', type=int, default=100000,
                        help='iteration of the snapshots (default: 100000); of a folder that does '
                        'not have it, the newest')
    parser.add_argument('--dir_list', default='evaluation/batch_dirs.yml',
                        help='YAML file: a list of result folders (default: '
                        'evaluation/batch_dirs.yml)')
    parser.add_argument('--out', metavar='DIR', default='results',
                        help='where the table inception_K.txt goes (default: results)')
    scoring_flags.add_flags(parser)
    return parser.parse_args(argv)


def _run(args):
    settings = scoring_flags.choose_settings(args)
    device = get_device(args.gpu)
    out, method = Path(args.out), scoring_flags.method_name(args)
    # The authors' name for their method only: scores of others do not compare.
    template = 'inception_{}.txt' if method == 'INTER_CUBIC' else f'inception-{method}_{{}}.txt'
    numbers = [] if args.rehearsal else snapshots.iterations(out, template)
    before = out / template.format(numbers[-1]) if numbers else None
    rows = read_table(before) if before else []
    left = list(without_row(read_folders(args.dir_list), args.target_iter, rows))
    if not left:
        print(f'{before} has a row of each; to measure one anew, remove its row')
        return
    for folder, iteration in left:    # a mistake in the last one is found before hours of work
        open_result(folder, iteration, device).check_colour(args.rehearsal)
    classifier = scoring_flags.open_classifier(args, device)
    table = None
    for folder, iteration in left:
        subject = open_result(folder, iteration, device)
        records = args.ledger or subject.out / 'ledger'
        measurement = (find_measurement(records, subject, classifier, settings)
                       or inception_score.measure(subject, classifier, settings,
                                                  list(settings.seeds), args))
        rows.append(row(measurement, classifier.label(folder)))
        # Named after the first score: that may take hours, in which another run may write one.
        last = max(snapshots.iterations(out, template), default=-1)
        table = table or out / template.format(last + 1)
        text = io.StringIO(newline='')
        csv.writer(text, lineterminator='\n').writerows([HEADER, *rows])
        files.write_text(table, text.getvalue())
    print(classifier.label(f'wrote {table}'))


def read_folders(path):
    """The result folders that a YAML file lists -> list of str."""
    folders = config.read_yaml(path, f'--dir_list {path}')
    if not isinstance(folders, list) or not folders or not all(
            isinstance(folder, str) for folder in folders):
        raise ConfigError(f'--dir_list {path}: expected a list of result folders, each on a line '
                          'of its own after "- "')
    return folders


def find_measurement(folder, subject, classifier, settings):
    """The newest measurement of the same files by the same protocol in a folder, or None."""
    wanted = ([subject.system], classifier.protocol, classifier.files, settings.scored,
              list(settings.seeds))
    for found in reversed(ledger.read_folder(folder) if Path(folder).is_dir() else ()):
        if wanted == (found.systems, found.protocol, found.weights, found.samples, found.seeds):
            print(f'{subject.name} was measured before: mean:{found.value} std:{found.std} '
                  f'best:{found.best}')
            return found


def read_table(path):
    """Rows of a table of ours or of the authors' -> list of lists of str, without the header."""
    with telling_damage(f'{path}: cannot be read', ', but its rows belong in the new table. Repair '
                        'it, or move it elsewhere'):
        lines = csv.reader(path.read_text(encoding='utf-8').splitlines())
        rows = [[word.strip() for word in line] for line in lines if line]
        for words in rows:
            if len(words) != len(HEADER):
                raise ValueError(f'the line that begins with "{words[0]}" has {len(words)} '
                                 f'columns, expected {len(HEADER)}: {", ".join(HEADER)}')
    return [words for words in rows if words != HEADER]


def without_row(folders, target, rows):
    """Yield (folder, ``target`` or else its newest iteration) of what has no row in a table yet."""
    done = {(Path(words[-1]), words[HEADER.index('Iteration')]) for words in rows}
    for folder in folders:
        iteration = target
        there = snapshots.iterations(folder, snapshots.NETWORKS['vgen'])
        if there and target not in there:    # if there is none at all, opening it says so
            iteration = there[-1]
            print(f'{folder} has no iteration {target}; the newest is {iteration}')
        if (Path(folder), str(iteration)) in done:
            print(f'{folder} iter:{iteration} has a row in the table before')
        else:
            yield folder, iteration


def row(measurement, folder):
    """A line of the table, see :data:`HEADER` -> list.

    Where the generator is none of the authors' (3D model, Video GAN, conditional TGAN, ...) its
    class comes after the model. Vectors that a system does not have are None.
    """
    system, = measurement.systems
    vgen, updater = system.parts['vgen'], system.parts['updater'].name
    first = system.parts.get('fsgen', vgen)
    model, clip, parallel = _WORDS.get(updater, ('unknown',) * 3)
    if vgen.name not in ('VideoGeneratorInitUniform', 'VideoGeneratorInitDefault'):
        model += f' {vgen.name}'
    return [
        measurement.value, measurement.std, measurement.best, system.dataset.name, model,
        system.iteration, first.args['z_slow_dim'], first.args.get('z_fast_dim', 'None'), updater,
        first.args.get('n_frames', N_FRAMES), clip, parallel, system.batchsize, folder]


main = command('batch-inception', parse_args, _run)
