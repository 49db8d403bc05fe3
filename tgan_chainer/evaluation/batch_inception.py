"""Inception scores of many result folders, of four seeds each.

The authors' evaluation/batch_inception.py::

    python evaluation/batch_inception.py --dir_list evaluation/batch_dirs.yml --gpu 0
"""
import argparse
import csv
import io
import itertools
import sys
from pathlib import Path

from tgan_chainer import config, files
from tgan_chainer.command import run_command
from tgan_chainer.device import get_device
from tgan_chainer.errors import ConfigError
from tgan_chainer.evaluation import calc_inception, ledger
from tgan_chainer.evaluation.subjects import open_result
from tgan_chainer.models.frame_seed_generator import N_FRAMES


def main(argv=None):
    """Run the command; returns its exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    return run_command(_run, parse_args(arguments), ['batch_inception.py', *arguments])


def parse_args(argv=None):
    """Flags of the command: the authors' (FACTS §10), --out, and what ``add_flags`` adds."""
    parser = argparse.ArgumentParser(
        prog='batch_inception.py', description='Inception scores of result folders: mean, standard '
        "deviation and best of the protocol's seeds. What was measured before with the same files "
        'is not measured again.')
    parser.add_argument('--target_iter', type=int,
                        help='iteration of the snapshots (default: 100000, or else the newest)')
    parser.add_argument('--dir_list', default='evaluation/batch_dirs.yml',
                        help='YAML file: a list of result folders (default: '
                        'evaluation/batch_dirs.yml)')
    parser.add_argument('--out', metavar='DIR', default='results',
                        help='where the table inception_K.txt goes (default: results)')
    calc_inception.add_flags(parser)
    return parser.parse_args(argv)


def _run(args, command_line):
    protocol = calc_inception.protocol_name(args.protocol, args.interpolation)
    settings = calc_inception.choose_settings(args)
    device = get_device(args.gpu)
    device.use()
    folders = read_folders(args.dir_list)
    for folder in folders:    # a mistake in the last one is found before hours of work
        open_result(folder, args.target_iter, device).check_colour(args.rehearsal)
    classifier = calc_inception.open_classifier(args, protocol, device)
    # Apart, so that no table of measurements goes on with rows of a rehearsal.
    table, rows = free_name(Path(args.out, 'rehearsal' if args.rehearsal else '')), []
    for folder in folders:
        subject = open_result(folder, args.target_iter, device)
        measurement = find_measurement(args.ledger or subject.out / 'ledger', subject, classifier,
                                       settings)
        if measurement:
            print(f'{subject.name} was measured before: mean:{measurement.value} '
                  f'std:{measurement.std} best:{measurement.best}')
        else:
            measurement = calc_inception.measure(
                subject, classifier, settings, list(settings.seeds),
                calc_inception.method_name(args), command_line, args.ledger)
        rows.append(row(measurement, classifier.label(folder)))
        files.write_text(table, _csv(rows))
    print(classifier.label(f'wrote {table}'))


def read_folders(path):
    """The result folders that a YAML file lists -> list of str.

    Raises:
        ConfigError: The file is missing, no YAML, or no list of folders.
    """
    folders = config.read_yaml(path, f'--dir_list {path}')
    if not isinstance(folders, list) or not folders or not all(
            isinstance(folder, str) for folder in folders):
        raise ConfigError(f'--dir_list {path}: expected a list of result folders, each on a line '
                          'of its own after "- "')
    return folders


def find_measurement(folder, subject, classifier, settings):
    """The newest measurement of the same files by the same protocol in a folder, or None.

    Raises:
        DataError: A record in the folder is damaged.
    """
    if not Path(folder).is_dir():
        return None
    wanted = ([subject.system], classifier.protocol, classifier.files, settings.scored,
              list(settings.seeds))
    return next((found for found in reversed(ledger.read_folder(folder))
                 if wanted == (found.systems, found.protocol, found.weights, found.samples,
                               found.seeds)), None)


def free_name(folder):
    """inception_K.txt in a folder, with the first K of which there is none."""
    names = (folder / f'inception_{number}.txt' for number in itertools.count())
    return next(name for name in names if not name.exists())


def row(measurement, folder):
    """A line of the table: the authors' columns (FACTS §10) -> list.

    Mean, standard deviation, best, data set, model, iteration, dimensions of z_slow and z_fast,
    updater, frames, whether D's weights are clipped, whether SVC runs in parallel, batch size,
    result folder. What a system does not have is empty.
    """
    system, = measurement.systems
    vgen, updater = system.parts['vgen'], system.parts['updater'].name
    first = system.parts.get('fsgen', vgen)
    return [
        measurement.value, measurement.std, measurement.best, system.dataset.name, vgen.name,
        system.iteration, first.args['z_slow_dim'], first.args.get('z_fast_dim', ''), updater,
        first.args.get('n_frames', N_FRAMES), 'Clip' in updater, 'Parallel' in updater,
        system.batchsize, folder]


def _csv(rows):
    text = io.StringIO(newline='')
    csv.writer(text, lineterminator='\n').writerows(rows)
    return text.getvalue()


if __name__ == '__main__':
    raise SystemExit(main())
