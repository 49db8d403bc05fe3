"""The inception score (Salimans et al. 2016) of videos, as the authors compute it.

As a command (authors' evaluation/calc_inception.py), of a result folder or a data set::

    python evaluation/calc_inception.py --result_dir results/... --gpu 0
"""
import argparse
import sys

from tgan_chainer.commands.flags import result_folder
from tgan_chainer.commands.run import run_command
from tgan_chainer.device import get_device
from tgan_chainer.errors import ConfigError
from tgan_chainer.evaluation import ledger
from tgan_chainer.evaluation.classifier import load_classifier, rehearsal_classifier
from tgan_chainer.evaluation.inception_sums import InceptionSums
from tgan_chainer.evaluation.preprocess import INTERPOLATIONS, PROTOCOLS
from tgan_chainer.evaluation.scoring import Settings, score_seeds
from tgan_chainer.evaluation.subjects import open_dataset, open_result
from tgan_chainer.io import files

EPS = 1e-7
"""Added to probabilities inside the logarithms by the authors."""

SETTINGS = {
    'tgan-v1': Settings(10000, 48, EPS, (0, 1, 2, 3)),
    'tgan-v1/dropout-off': Settings(10000, 48, EPS, (0, 1, 2, 3)),
    'tgan-v2': Settings(2048, 32, 1e-20, tuple(range(10))),
}
"""Of the protocols that --protocol names (FACTS §6)."""

# Videos a seed and a batch of a rehearsal, unless flags say otherwise.
_REHEARSAL = {'samples': 8, 'batchsize': 4}


def calc_inception(ys, eps=None):
    """exp of the mean over examples of sum_c p log(p + eps) - p log(mean p + eps); one split.

    Args:
        ys: Array (N, classes) on any device: each example's class probabilities.
        eps (float or None): None is :data:`EPS`.

    Returns:
        float from 1 (all examples alike) to the number of classes (sure of each example, and all
        classes equally often). Computed in float64.

    Raises:
        ValueError: ``ys`` has another shape, or a row of it is no probability distribution.
    """
    sums = InceptionSums(EPS if eps is None else eps)
    sums.add(ys)
    return sums.score()


# -- what the commands share -----------------------------------------------------------------------

def add_flags(parser):
    """Flags of the commands that score: the authors' (FACTS §10), and --c3d, --protocol,
    --batchsize, --ledger and --rehearsal."""
    add_classifier_flags(parser)
    parser.add_argument('--gpu', '-g', type=int, default=-1,
                        help='GPU to use, -1 for the CPU (default: -1)')
    parser.add_argument('--calc_iter', type=int, metavar='N',
                        help="videos a seed, in whole batches (default: the protocol's: 10000, or "
                        '2048; in a rehearsal 8)')
    parser.add_argument('--protocol', choices=SETTINGS, default='tgan-v1',
                        help='how videos become class probabilities; scores compare only within '
                        "one, and the paper's only with tgan-v1 (default: tgan-v1)")
    parser.add_argument('--batchsize', type=int, metavar='N',
                        help="videos a batch (default: the protocol's: 48, or 32; in a rehearsal "
                        '4)')
    parser.add_argument('--ledger', metavar='DIR',
                        help='where the record of the measurement goes (default: beside the score)')


def add_classifier_flags(parser):
    """Flags of all commands that classify."""
    parser.add_argument('--mean', help='mean2.npz (default: TGAN_MEAN, data/mean2.npz, mean2.npz)')
    parser.add_argument('--c3d', help='weights of C3D (default: TGAN_C3D, '
                        'data/conv3d_deepnetA_ucf.npz)')
    parser.add_argument('--interpolation', choices=INTERPOLATIONS, default='INTER_CUBIC',
                        help='how tgan-v1 enlarges frames (default: INTER_CUBIC; another makes '
                        'another protocol)')
    parser.add_argument('--rehearsal', action='store_true',
                        help='go through all of it on a few videos, with stand-ins for C3D\'s '
                        'weights and the mean clip, which are no download: no measurement, and '
                        'marked so')


def open_classifier(args, protocol, device):
    """The classifier that the flags ask for; prints what it was read from -> Classifier.

    Raises:
        ConfigError: A rehearsal is given files of a measurement.
        DataError: See :func:`.classifier.load_classifier`.
    """
    if not args.rehearsal:
        classifier = load_classifier(args.c3d, args.mean, protocol, device)
        for what, digest in classifier.files.items():
            print(f'sha256 of {what}: {digest}', flush=True)
        return classifier
    for flag in ('c3d', 'mean', 'ledger'):
        if getattr(args, flag, None):
            raise ConfigError(f'--{flag} is of a measurement: leave it out, or --rehearsal')
    classifier = rehearsal_classifier(protocol, device)
    print(classifier.label('the weights of C3D are seeded random numbers, the mean clip is grey'),
          flush=True)
    return classifier


def seed_number(text):
    """A seed of NumPy's global generator -> int."""
    number = int(text)
    if not 0 <= number < 2 ** 32:
        raise argparse.ArgumentTypeError(f'{number} is not in 0 .. 2**32 - 1')
    return number


def protocol_name(protocol, interpolation):
    """Name in :data:`tgan_chainer.evaluation.preprocess.PROTOCOLS` of what the flags ask for.

    Raises:
        ConfigError: The protocol has an interpolation of its own.
    """
    if interpolation == 'INTER_CUBIC':
        return protocol
    name = f'{protocol}/{interpolation}'
    if name not in PROTOCOLS:
        raise ConfigError(f'--interpolation {interpolation}: {protocol} has its own')
    return name


def choose_settings(args):
    """The protocol's settings with the flags' numbers -> Settings.

    Raises:
        ConfigError: They leave no whole batch.
    """
    settings = SETTINGS[args.protocol]
    if args.rehearsal:
        settings = settings._replace(**_REHEARSAL)
    settings = settings._replace(
        samples=settings.samples if args.calc_iter is None else args.calc_iter,
        batchsize=settings.batchsize if args.batchsize is None else args.batchsize)
    if not 1 <= settings.batchsize <= settings.samples:
        raise ConfigError(f'--calc_iter {settings.samples} with batches of {settings.batchsize} is '
                          'too few: expected at least one whole batch; see --batchsize')
    return settings


def measure(subject, classifier, settings, seeds, method, command_line, ledger_folder=None):
    """Score a subject, and write down what was measured -> ledger.Measurement.

    The file of the score has the authors' line for every seed: result folder, iteration, videos,
    mean clip, score; and below those of several seeds their mean, standard deviation and best. In a
    rehearsal all lines are marked, and no record is written.

    Args:
        ledger_folder (str or None): Where the record goes; None is beside the score.

    Raises:
        TGANError: A file cannot be written, or see :class:`.scoring.Evaluation`.
    """
    values, parts = score_seeds(subject, classifier, settings, seeds, method)
    mean, std, best = ledger.statistics(values)
    lines = [f'{subject.name} {settings.samples} {classifier.mean_path} {value}'
             for value in values]
    if len(seeds) > 1:
        lines.append(f'{subject.name} seeds:{",".join(map(str, seeds))} mean:{mean} std:{std} '
                     f'best:{best}')
        print(classifier.label(lines[-1]))
    measurement = ledger.Measurement(
        metric='inception score', systems=[subject.system] if subject.system else [],
        dataset=subject.dataset, protocol=classifier.protocol, samples=settings.scored,
        seeds=seeds, values=values, value=mean, std=std, best=best, weights=classifier.files,
        conditions=ledger.conditions(command_line, subject.device))
    score = subject.out / f'{subject.stem}_{method}.txt'
    files.write_text(score, ''.join(f'{classifier.label(line)}\n' for line in lines))
    written = [score]
    if not classifier.is_rehearsal:
        written.append(ledger.write(ledger_folder or subject.out / 'ledger', measurement))
    for part in parts:
        part.unlink()
    print(classifier.label(f'wrote {" and ".join(map(str, written))}'))
    return measurement


# -- command ---------------------------------------------------------------------------------------

def main(argv=None):
    """Run the command; returns its exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    return run_command(_run, parse_args(arguments), ['calc_inception.py', *arguments])


def parse_args(argv=None):
    """Flags of the command."""
    parser = argparse.ArgumentParser(
        prog='tgan calc-inception', description='Inception score of a result folder or a data set. '
        'Interrupted, it goes on where it was when it is started again.')
    subject = parser.add_mutually_exclusive_group(required=True)
    subject.add_argument('--result_dir', type=result_folder,
                         help='result folder of a training, or "latest"')
    subject.add_argument('--real', metavar='CONFIG',
                         help='experiment file, whose data set is scored')
    parser.add_argument('--iter', type=int,
                        help='iteration of the snapshot (default: 100000, or else the newest)')
    parser.add_argument('--seed', type=seed_number, nargs='+', default=[0],
                        help='one seed or several (default: 0)')
    parser.add_argument('--out', metavar='DIR', help='where the score goes (default: the result '
                        'folder, or results for a data set)')
    add_flags(parser)
    args = parser.parse_args(argv)
    if len(set(args.seed)) < len(args.seed):
        parser.error(f'--seed {" ".join(map(str, args.seed))}: expected each seed once')
    if args.real and args.iter is not None:
        parser.error('--iter is of a --result_dir')
    return args


def _run(args, command_line):
    protocol, settings = protocol_name(args.protocol, args.interpolation), choose_settings(args)
    device = get_device(args.gpu)
    device.use()
    if args.real:
        subject = open_dataset(args.real, device, args.out or 'results')
    else:
        subject = open_result(args.result_dir, args.iter, device, args.out)
    subject.check_colour(args.rehearsal)
    classifier = open_classifier(args, protocol, device)
    measure(subject, classifier, settings, args.seed, method_name(args), command_line, args.ledger)


def method_name(args):
    """METHOD in the names of files: the authors' is the interpolation."""
    method = args.protocol.replace('tgan-v1', args.interpolation).replace('/', '_')
    return f'{method}_rehearsal' if args.rehearsal else method


if __name__ == '__main__':
    raise SystemExit(main())
