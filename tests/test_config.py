import pytest
import yaml

from tgan_chainer import config
from tgan_chainer.errors import ConfigError
from tgan_chainer.models.sampling import first_generator


@pytest.fixture
def document(small_experiment):
    return yaml.safe_load(small_experiment.read_text())


@pytest.fixture
def load(tmp_path):
    def load_document(document):
        path = tmp_path / 'experiment.yml'
        path.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
        return config.load(str(path))
    return load_document


@pytest.mark.parametrize('name', config.packaged_names())
def test_every_packaged_experiment_builds_its_networks(name):
    experiment = config.load(f'configs/{name}')
    fsgen, vgen, vdis = experiment.build_models()
    if fsgen is not None:
        assert fsgen.z_slow_dim == getattr(vgen, 'z_slow_dim', fsgen.z_slow_dim)
        assert fsgen.z_fast_dim == vgen.z_fast_dim
    assert vdis.in_channels == vgen.out_channels
    size = 32 if name.startswith(('default', 'moving_mnist_small')) else 64
    assert 16 * vdis.top_width == 16 * vgen.bottom_width == size
    assert [part.cls for part in experiment.parts()[:-2]] == [
        type(network) for network in (fsgen, vgen, vdis) if network is not None]


OURS = 'default', '3d-model', 'video-gan', 'conditional', 'z1-only', 'moving_mnist_small'
AUTHORS_TEN = [name for name in config.packaged_names() if not any(ours in name for ours in OURS)]
DATA = {
    'ucf101': ('UCFDataset', {'h5path': 'data/ucf101_train.h5', 'img_size': 64,
                              'config_path': 'data/ucf101_train_pd.pkl'}),
    'golf': ('GolfDataset', {'root_path': 'data/golf', 'config_path': 'data/golf_pd.pkl'}),
    'moving_mnist': ('MovingMNISTDataset', {'dataset_path': 'data/mnist_test_seq.npy'}),
}


@pytest.mark.parametrize('name', AUTHORS_TEN)
def test_the_authors_ten_experiments(name):
    """As FACTS §11 has them; the live check upstream/experiments compares them with the files."""
    assert len(AUTHORS_TEN) == 10
    experiment = config.load(f'configs/{name}')
    base, uniform, plain_svc = (name == 'base.yml', 'init-uniform' in name,
                                name.endswith('svd_zdim-100_no-beta.yml'))
    of_g0 = ('' if base else 'NoBeta') + ('InitUniform' if uniform else 'InitDefault')
    dataset, data = DATA[name.split('/')[0] if '/' in name else 'ucf101']
    updater = ('LSGAN' if base else 'Vanilla' if 'vanilla' in name else 'WGANClip'
               if '_clip_' in name else 'WGANSVC' if plain_svc else 'WGANParallelSVC')
    assert [part.name for part in experiment.parts()] == [
        f'FrameSeedGenerator{of_g0}',
        f'VideoGeneratorInit{"Default" if base else "Uniform"}',
        f'VideoDiscriminator{of_g0}{"WithNoise" if "vanilla" in name else ""}',
        dataset, f'TGANUpdater{updater}']
    channels, z = (1 if 'mnist' in name else 3), (256 if base else 100)
    wscale = {'wscale': 0.01} if uniform else {}
    latent = {'z_slow_dim': z, 'z_fast_dim': z}
    assert experiment.fsgen.args == {'n_frames': 16, **latent, **wscale}
    of_vgen = {'conv_ch': 512, 'wscale': 0.02} if base else {} if plain_svc else {'wscale': 0.01}
    assert experiment.vgen.args == {**latent, 'out_channels': channels, 'bottom_width': 4,
                                    **of_vgen}
    assert experiment.vdis.args == {'in_channels': channels, 'top_width': 4, 'mid_ch': 64, **wscale,
                                    **({'sigma': 0.3} if 'vanilla' in name else {})}
    assert experiment.dataset.args == {'n_frames': 16, **data}
    assert experiment.updater.args == ({'freq': 5} if '_svd_' in name else {})
    assert (experiment.batchsize, experiment.epoch, experiment.seed, experiment.snapshot_interval,
            experiment.display_interval) == (32, 1000, 0, 5000, 100)
    assert experiment.optimizer == config.Optimizers() and experiment.iterations is None


MODEL_3D = 'VideoGenerator3D', 'VideoDiscriminatorNoBetaInitUniform', 'UCFDataset'
VIDEO_GAN = 'VideoGANGenerator', 'VideoGANDiscriminator', 'UCFDataset'
CONDITIONAL = ('ConditionalFrameSeedGenerator', 'ConditionalVideoGenerator',
               'ConditionalVideoDiscriminator', 'UCFDatasetLabelled')
ALL = 'zdim-100_no-beta-all_init-uniform-all'


@pytest.mark.parametrize('name, parts, updater', [
    (f'3d-model_wgan_clip_{ALL}', MODEL_3D, 'WGANClip'),
    (f'3d-model_wgan_svd_{ALL}', MODEL_3D, 'WGANSVC'),
    ('video-gan_vanilla_zdim-100', VIDEO_GAN, 'Vanilla'),
    ('video-gan_wgan_svd_zdim-100', VIDEO_GAN, 'WGANSVC'),
    (f'conditional_wgan_svd_{ALL}', CONDITIONAL, 'WGANSVC')])
def test_each_system_of_table_4_without_released_code_has_an_experiment(name, parts, updater):
    experiment = config.load(f'configs/ucf101/ucf101_{name}.yml')
    assert [part.name for part in experiment.parts()] == [*parts, f'TGANUpdater{updater}']
    assert (experiment.updater.args.get('freq', 5), experiment.batchsize) == (5, 32)
    assert (experiment.optimizer.name, experiment.optimizer.args) == (
        ('Adam', {'alpha': 2e-4, 'beta1': 0.5}) if updater == 'Vanilla' else
        ('RMSprop', {'lr': 5e-5}))
    generator = first_generator(*experiment.build_models()[:2])
    assert generator.latent == ('normal' if parts == VIDEO_GAN else 'uniform')


def test_a_file_on_disk_comes_before_the_packaged_one(here, small_experiment):
    assert config.load('configs/base.yml').fsgen.args['z_slow_dim'] == 256
    (here / 'configs').mkdir()
    small_experiment.rename(here / 'configs' / 'base.yml')
    assert config.load('configs/base.yml').fsgen.args['z_slow_dim'] == 4


@pytest.mark.parametrize('path, message', [
    ('configs/nowhere.yml', 'no such file(.|\n)*configs/base.yml'),
    ('configs/../setup.py', 'no such file(.|\n)*configs/base.yml'),
    ('configs/bse.yml', 'did you mean configs/base.yml'),
    ('defalt.yml', 'did you mean configs/default.yml'),
    ('configs/moving_mnist_small/tgan_scv.yml',
     'did you mean configs/moving_mnist_small/tgan_svc.yml'),
    ('smal.yml', 'did you mean small.yml')])    # beside it
def test_a_missing_file_lists_the_packaged_ones_or_the_one_that_is_meant(
        small_experiment, here, path, message):
    with pytest.raises(ConfigError, match=message):
        config.load(path)


def test_other_spellings_are_the_same_experiment(document, load):
    clip = {'fn': 'updaters/tgan_updater_wgan.py', 'name': 'TGANUpdaterWGANClip'}
    models, data = document['models'], document['dataset']
    expected = load({**document, 'updater': {**clip, 'args': {}}}).model_dump()
    theirs = {    # FACTS §11
        'models': {f'{theirs}_{kind}': models[ours] for theirs, kind, ours in (
            ('frame_seed', 'generator', 'fsgen'), ('video', 'generator', 'vgen'),
            ('video', 'discriminator', 'vdis'))},
        'dataset': {'dataset_fn': data['fn'], 'dataset_name': data['name'], 'args': data['args']},
        'shuffle_time_order': None}
    assert load({**document, 'updater': clip, **theirs}).model_dump() == expected
    # A config.yml of an earlier version had the networks beside the other parts.
    assert load({**document.pop('models'), **document, 'updater': clip}).model_dump() == expected


def test_classes_and_a_file_that_never_existed(document, load):
    """The authors' base.yml names three such classes, a golf experiment the file (FACTS §9)."""
    names = 'FrameSeedGenerator', 'VideoGenerator', 'VideoDiscriminator'
    for part, name in zip(document['models'].values(), names, strict=True):
        part['name'] = name
    document['models']['vgen']['args']['wscale'] = 0.02
    document['models']['fsgen']['fn'] = '/somewhere/else/frame_seed_generator.py'    # but the stem
    document['updater'] = {'fn': 'updaters/tgan_updater_wgan_clip.py',
                           'name': 'TGANUpdaterWGANClip'}
    experiment = load(document)
    assert [part.name for part in experiment.parts()] == [
        *(f'{name}InitDefault' for name in names), 'MovingMNISTDataset', 'TGANUpdaterWGANClip']
    assert experiment.updater.fn == 'updaters/tgan_updater_wgan.py'
    assert [type(network) for network in experiment.build_models()] == [
        part.cls for part in experiment.parts()[:3]]


def test_an_argument_of_all_parts_yields_to_that_of_one(document, shrunk, load):
    document['shuffle_time_order'] = 0.25
    assert load(document).updater.args == {'freq': 5, 'shuffle_time_order': 0.25}
    document['updater']['args']['shuffle_time_order'] = 0.75
    assert load(document).updater.args == {'freq': 5, 'shuffle_time_order': 0.75}
    document = shrunk('configs/moving_mnist_small/conditional_svc.yml')
    document['models']['vdis']['args']['n_categories'] = 4
    experiment = load(document)
    assert [part.args.get('n_categories') for part in experiment.parts()] == [3, 3, 4, None, None]
    assert load(experiment.dump()).parts() == experiment.parts()


def test_dump_reads_back_but_for_where_it_ran(document, load):
    document.update(result_dir='results/x', resume='results/x/snapshot_iter_4.npz')
    document['models']['fsgen']['args']['wscale'] = '5e-3'    # a string: YAML 1.1 wants 5.0e-3
    experiment = load(document).replace(seed=3)
    assert (experiment.seed, experiment.fsgen.args['wscale'], experiment.result_dir) == (
        3, 5e-3, 'results/x')
    dumped = experiment.dump()
    assert load(dumped).model_dump() == {
        **experiment.model_dump(), 'result_dir': None, 'resume': None}
    assert list(yaml.safe_load(dumped)['models']) == ['fsgen', 'vgen', 'vdis']


WHOLE = ('{fn: model_3d.py, name: VideoGenerator3D, args: {z_slow_dim: 4, out_channels: 1, '
         'bottom_width: 4, conv_ch: 8}}')


def test_a_generator_of_whole_videos_needs_no_g0(document, load):
    del document['models']['fsgen']
    with pytest.raises(ConfigError, match='no fsgen, of whose vectors VideoGeneratorInitUniform'):
        load(document)
    document = config._set(document, f'models.vgen={WHOLE}')
    experiment = load(load(document).replace(seed=3).dump())
    assert experiment.fsgen is None and experiment.seed == 3
    fsgen, vgen, vdis = experiment.build_models()
    assert fsgen is None and vgen.z_slow_dim == 4 and vdis.in_channels == 1
    with pytest.raises(ConfigError, match=r'optimizer\.fsgen: VideoGenerator3D makes whole videos'):
        load(config._set(document, 'optimizer.fsgen.name=SGD'))


def test_one_optimizer_for_all_or_one_for_each(document, load):
    experiment = load(config._set(document, 'optimizer={name: SGD, args: {lr: 0.5}, vdis: {name: '
                                  'Adam, args: {alpha: 0.25, beta1: 0.5}}}'))
    for each in (experiment, load(experiment.dump())):
        fsgen, vgen, vdis = (each.optimizer.of(name).build() for name in config.NETWORKS)
        assert [type(each).__name__ for each in (fsgen, vgen, vdis)] == ['SGD', 'SGD', 'Adam']
        assert (fsgen.lr, vdis.alpha, vdis.beta1) == (0.5, 0.25, 0.5)
    experiment = load(config._set(document, 'optimizer.vgen={name: SGD, args: {lr: 1}}'))
    assert experiment.optimizer.of('vdis').args == {'lr': 5e-5}
    assert experiment.optimizer.of('vgen').args == {'lr': 1}


@pytest.mark.parametrize('change, message', [
    ('batchsze=3', r"batchsze: unknown key; did you mean 'batchsize'\? Allowed:.*epoch"),
    ('batchsize=many', r"batchsize: found 'many'; .*integer"),
    ('batchsize=0', r'batchsize: found 0; .*greater than 0'),
    ('batch_norm_statistics=chainer5', r"'chainer5'.*'chainer2' or 'chainer7'"),
    ('models.fsgen.name=FrameSeedGenerator9',
     r"models\.fsgen\.name: found 'FrameSeedGenerator9', .*FrameSeedGeneratorInitUniform"),
    ('models.fsgen.fn=3', r'models\.fsgen\.fn: found 3, expected a string'),
    ('models.fsgen.args.z_slw_dim=4',
     r"args\.z_slw_dim: .*no such argument; did you mean 'z_slow_dim'"),
    ('models.fsgen.args.z_slow_dim=four', r"args\.z_slow_dim: found 'four'; .*integer"),
    ('models.vgen.args={z_slow_dim: 4}', r'z_fast_dim: missing'),
    ('models.fsgen.args=[1]', r'models\.fsgen\.args: found \[1\], expected a mapping'),
    ('models.fsgen.extra=1', r'models\.fsgen\.extra: unknown key'),
    ('models.video_generator={}', r'models\.video_generator: a second G1'),
    ('models.second={}', r'models\.second: unknown key; .*Allowed: .*video_generator'),
    ('models=[1]', r'models: found \[1\], expected a mapping of fsgen, vgen, vdis'),
    ('models.vgen=VideoGenerator',
     r"models\.vgen: found 'VideoGenerator', expected a mapping of fn, name, args"),
    ('updater.fn=updaters/tgan_updater_wgn.py',
     "updater.fn: found .*_wgn.py', but TGANUpdaterWGANSVC is in updaters/.*_wgan.py; name that"),
    ('n_categories=3', r'n_categories: no part of the experiment takes it; leave it out'),
    ('vgen={}', r'vgen: a second G1'),
    ('dataset.dataset_fn=x.py', r"dataset\.fn: unknown key; .*Allowed: .*dataset_name"),
    ('dataset={dataset_fn: mnist_dataset.py, dataset_name: MNIST}',
     r"dataset\.dataset_name: found 'MNIST', .*Allowed: .*MovingMNISTDataset"),
    ('shuffle_time_order=often', r"updater\.args\.shuffle_time_order: found 'often'"),
    ('updater.args.models=1', r'args\.models: .*no such argument'),
    ('optimizer={name: SGD, args: {alpha: 0.9}}',
     r"optimizer: .*SGD has no argument 'alpha'; Allowed: lr"),
    ('optimizer.vdis.name=Adagrad', r"optimizer\.vdis\.name: found 'Adagrad'"),
    ('optimizer.d.name=SGD', r'optimizer\.d: unknown key; .*args, .*vdis'),
    ('optimizer.vdis.arg={}', r"optimizer\.vdis\.arg: .*mean 'args'\?"),
    ('models.fsgen.args.latent=gauss', r"args\.latent: found 'gauss'; .*'uniform' or 'normal'"),
    (f'models.vgen={WHOLE}', r'models\.fsgen: VideoGenerator3D makes whole videos'),
    ('models.vgen={fn: whole_video_generator.py, name: WholeVideoGenerator}',
     r"models\.vgen\.name: found 'WholeVideoGenerator', which is no G1 .*with forward of its own"),
    ('updater={fn: tgan_updater_base.py, name: TGANUpdaterBase}',
     r'derived from TGANUpdaterBase and with update_core of its own; did you mean'),
    ('models.vdis={fn: video_discriminator.py, name: FrameDiscriminator}',
     r"found 'FrameDiscriminator', which is no D "),
    ('dataset={fn: mnist_dataset.py, name: DrawnDataset}',
     r"found 'DrawnDataset', which is no data set of the package, derived from DrawnDataset"),
    ('name=x', r'name: unknown key'),
    ('batchsize', '^--set batchsize: expected KEY=VALUE'),
    ('batchsize.x=3', "^--set batchsize.x=3: 'x' cannot be set in 2, which is no mapping"),
    ('seed=[', r'^--set seed=\[: cannot be read as YAML'),
    ('seed=-1', '^--set seed=-1: seed: found -1'),
])
def test_a_mistake_names_file_or_flag_key_and_what_is_allowed(small_experiment, change, message):
    with pytest.raises(ConfigError, match=message) as caught:
        config.load(small_experiment, [change])
    assert str(caught.value).startswith((f'--set {change}: ', f'{small_experiment}: '))


@pytest.mark.parametrize('text, message', [
    ('- a', r"found \['a'\], expected a mapping"),
    ('', 'found None, expected a mapping'),
    ('batchsize: 2\nbatchsize: 3', "duplicate key 'batchsize'"),
    ('a: !!python/object/apply:os.system [echo]', 'cannot be read as YAML'),
    ('a:\n\tb: 1', 'in line 2, .* use spaces'),
    ('seed: ' + 5000 * '9', 'cannot be read as YAML'),
    ('a: &a\n  b: *a', 'holds itself'),
    ('1: 2', '1: unknown key'),
])
def test_what_is_no_experiment(load, text, message):
    with pytest.raises(ConfigError, match=message):
        load(text)


@pytest.mark.parametrize('change, message', [
    ('models.vgen.args.conv_ch=24', r'models\.vgen\.args: conv_ch is 24.*multiple of 16'),
    *((f'models.vdis.args.mid_ch={size}', r'models\.vdis\.args: ') for size in (0, -2, 10 ** 12)),
    ('dataset.args.dataset_path=nowhere.npy', r'dataset\.args: .*nowhere\.npy')])
def test_what_a_constructor_refuses_names_the_part(small_experiment, change, message):
    experiment = config.load(small_experiment, [change])
    with pytest.raises(ConfigError, match=message):
        experiment.build_models()
        experiment.dataset.build()


def test_replace_checks_values(document, load):
    experiment = load(document)
    assert experiment.replace(batchsize=None) == experiment
    with pytest.raises(ConfigError, match='batchsize: found -1'):
        experiment.replace(batchsize=-1)
