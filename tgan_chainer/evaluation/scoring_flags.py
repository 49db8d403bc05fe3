"""Flags of the commands that classify videos, and what they ask for."""
from tgan_chainer.commands import flags
from tgan_chainer.errors import ConfigError
from tgan_chainer.evaluation.classifier import load_classifier, rehearsal_classifier
from tgan_chainer.evaluation.protocols import INTERPOLATIONS, PROTOCOLS


def add_flags(parser):
    """Flags of the commands that score: the authors' (FACTS §10) and ours."""
    add_classifier_flags(parser)
    flags.add_gpu(parser, -1)
    parser.add_argument('--calc_iter', type=flags.positive, metavar='N',
                        help="videos a seed, in whole batches (default: the protocol's: 10000, or "
                        '2048; in a rehearsal 8)')
    parser.add_argument('--protocol', default='tgan-v1',
                        choices=[name for name in PROTOCOLS if 'INTER' not in name],
                        help='how videos become class probabilities; scores compare only within '
                        "one, and the paper's only with tgan-v1 (default: tgan-v1)")
    parser.add_argument('--batchsize', type=flags.positive, metavar='N',
                        help="videos a batch (default: the protocol's: 48, or 32; in a rehearsal "
                        '4)')
    flags.add(parser, 'ledger')


def add_classifier_flags(parser):
    """Flags of all commands that classify, and the values of two that not all of them have."""
    parser.set_defaults(protocol='tgan-v1', ledger=None)
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


def open_classifier(args, device):
    """The classifier that the flags ask for; prints what it was read from -> Classifier.

    A rehearsal that is given files of a measurement is a ConfigError, as is an interpolation that
    the protocol does not have.
    """
    protocol = f'{args.protocol}/{args.interpolation}'.removesuffix('/INTER_CUBIC')
    if protocol not in PROTOCOLS:
        raise ConfigError(f'--interpolation {args.interpolation}: {args.protocol} has its own')
    if not args.rehearsal:
        classifier = load_classifier(args.c3d, args.mean, protocol, device)
        for what, digest in classifier.files.items():
            print(f'sha256 of {what}: {digest}', flush=True)
        return classifier
    for flag in ('c3d', 'mean', 'ledger'):
        if getattr(args, flag):
            raise ConfigError(f'--{flag} is of a measurement: leave it out, or --rehearsal')
    classifier = rehearsal_classifier(protocol, device)
    print(classifier.label('the weights of C3D are seeded random numbers, the mean clip is grey'),
          flush=True)
    return classifier


def method_name(args):
    """METHOD in the names of files: the authors' is the interpolation."""
    method = args.protocol.replace('tgan-v1', args.interpolation).replace('/', '_')
    if args.calc_iter not in (None, PROTOCOLS[args.protocol].settings.samples):
        method += f'_n-{args.calc_iter}'    # a trial is never taken for a measurement
    return f'{method}_rehearsal' if args.rehearsal else method


def choose_settings(args):
    """The protocol's settings with the flags' numbers, of one whole batch at least -> Settings."""
    settings = PROTOCOLS[args.protocol].settings
    samples, batchsize = (8, 4) if args.rehearsal else settings[:2]
    settings = settings._replace(samples=args.calc_iter or samples,
                                 batchsize=args.batchsize or batchsize)
    if not settings.scored:
        raise ConfigError(f'--calc_iter {settings.samples} with batches of {settings.batchsize} is '
                          'too few: expected at least one whole batch; see --batchsize')
    return settings
