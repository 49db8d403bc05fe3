"""Inception score of a result folder or a data set (authors' evaluation/calc_inception.py)."""
from tgan_chainer.commands import flags
from tgan_chainer.commands.run import command
from tgan_chainer.device import get_device
from tgan_chainer.evaluation import scoring_flags
from tgan_chainer.evaluation.inception_score import (
    calc_inception,  # noqa: F401 -- the authors' callers look for it here (FACTS §1)
    measure,
)
from tgan_chainer.evaluation.sources import open_dataset, open_result


def parse_args(argv=None):
    """Flags of the command."""
    parser = flags.parser_of(
        'calc-inception', 'Inception score of a result folder or a data set. Interrupted, it goes '
        'on where it was when it is started again.')
    subject = parser.add_mutually_exclusive_group(required=True)
    flags.add(subject, 'result_dir')
    subject.add_argument('--real', metavar='CONFIG',
                         help='experiment file, whose data set is scored')
    flags.add(parser, 'iter')
    flags.add(parser, 'seed', nargs='+', default=[0], help='one seed or several (default: 0)')
    parser.add_argument('--out', metavar='DIR', help='where the score goes (default: the result '
                        'folder, or results for a data set)')
    scoring_flags.add_flags(parser)
    args = parser.parse_args(argv)
    if len(set(args.seed)) < len(args.seed):
        parser.error(f'--seed {" ".join(map(str, args.seed))}: expected each seed once')
    if args.real and args.iter is not None:
        parser.error('--iter is of a --result_dir')
    return args


def _run(args):
    settings = scoring_flags.choose_settings(args)
    device = get_device(args.gpu)
    if args.real:
        subject = open_dataset(args.real, device, args.out or 'results')
    else:
        subject = open_result(args.result_dir, args.iter, device, args.out)
    subject.check_colour(args.rehearsal)
    classifier = scoring_flags.open_classifier(args, device)
    measure(subject, classifier, settings, args.seed, args)


main = command('calc-inception', parse_args, _run)
