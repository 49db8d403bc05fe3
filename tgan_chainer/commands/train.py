"""The flags of train.py."""
from tgan_chainer.commands import flags
from tgan_chainer.commands.run import command

DEFAULT_CONFIG = 'configs/default.yml'


def parse_args(argv=None):
    """Flags of the command: the authors' three (FACTS §10), and ours."""
    parser = flags.parser_of(
        'train', 'Train TGAN. Without a flag: a small Moving MNIST experiment that two CPU cores '
        'finish in minutes.',
        epilog='Ctrl-C or SIGTERM writes a snapshot and ends with code 0. Exit codes: 2 bad input, '
        '3 a loss was not finite.')
    parser.add_argument('--config_path', help=f'experiment file (default: {DEFAULT_CONFIG}); '
                        'configs/... falls back to the packaged files')
    flags.add_gpu(parser, -1)
    parser.add_argument('--test', action='store_true',
                        help='write to results/test instead of a folder named after the time')
    parser.add_argument('--out', help='result folder, which must not exist yet (default: '
                        "the experiment's result_dir, or else results/CONFIG_TIME_0)")
    parser.add_argument('--resume', metavar='PATH',
                        help='continue from a result folder (its newest snapshot; "latest" is '
                        'the newest in results/) or from a snapshot_iter_N.npz in one; writes '
                        'to that folder')
    parser.add_argument('--branch', action='store_true',
                        help='with --resume: continue in a new folder (--out, or else '
                        'results/FOLDER_branch_0) and leave that of the snapshot as it is')
    parser.add_argument('--set', metavar='KEY=VALUE', action='append', default=[],
                        help='set any key of the experiment, such as batchsize=16 or '
                        'dataset.args.dataset_path=data/mine.npy; give it again for more')
    flags.add(parser, 'seed', default=None, help='seed of everything random')
    parser.add_argument('--iterations', type=flags.positive, help='updates in all')
    parser.add_argument('--epoch', type=flags.positive, help='passes over the data set in all')
    parser.add_argument('--batchsize', type=flags.positive,
                        help='videos a batch; on many devices of each rank, so that an update '
                        'sees that many times the ranks')
    parser.add_argument('--tensorboard', action='store_const', const=True,
                        help='write an event file of the log and the previews into the result '
                        'folder, for tensorboard --logdir results; needs the extra [tensorboard]')
    parser.add_argument('--communicator', metavar='NAME',
                        help='train on many devices with this communicator of ChainerMN, under '
                        'mpiexec: pure_nccl (every rank takes the GPU of its number on its node; '
                        'no --gpu) or naive (CPU); needs the extra [mpi], see '
                        'docs/many_devices.md')
    parser.add_argument('--batch_norm', choices=('local', 'multi_node'),
                        help="batch normalisation on many devices: over each rank's batch "
                        '(default) or over that of all ranks; without --communicator the same')
    args = parser.parse_args(argv)
    if args.resume and (args.out or args.test) and not args.branch:
        parser.error('--resume continues in the folder of its snapshot: give no --out or --test, '
                     'or add --branch')
    if args.iterations is not None and args.epoch is not None:
        parser.error('give --iterations or --epoch, not both')
    return args


main = command('train', parse_args, 'tgan_chainer.train:train')
