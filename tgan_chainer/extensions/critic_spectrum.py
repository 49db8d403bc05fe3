"""How close the critic is to what singular value clipping allows."""
import chainer
from chainer import links, training


@training.make_extension(default_name='critic_spectrum', priority=training.PRIORITY_WRITER)
def log_critic_spectrum(trainer):
    """Add the critic's bounds to the log: they tell whether it is Lipschitz (paper Table 2)."""
    chainer.report(critic_spectrum(trainer.updater.get_optimizer('vdis').target))


def critic_spectrum(vdis):
    """What clipping bounds by 1 -> {key: scalar on D's device}.

    For each weight of four or more dimensions ``vdis/LAYER/sigma`` is the largest singular value
    of the matrix (out, -1); for each batch normalisation in use ``vdis/LAYER/gamma_ratio`` is the
    largest gamma / sqrt(avg_var).
    """
    found, xp = {}, vdis.xp
    for path, param in vdis.namedparams(include_uninit=False):
        if param.ndim >= 4:
            layer = path.rsplit('/', 1)[0]
            matrix = param.array.reshape(len(param), -1)
            gram = (matrix @ matrix.T).astype(xp.float64)
            found[f'vdis{layer}/sigma'] = xp.sqrt(xp.linalg.eigvalsh(gram)[-1])
    for path, link in vdis.namedlinks(skipself=True):
        # A normalisation that is never called (bn0) keeps its initial statistics: no ratio.
        if isinstance(link, links.BatchNormalization) and (link.avg_mean != 0).any():
            ratio = link.gamma.array / xp.sqrt(link.avg_var)
            found[f'vdis{path}/gamma_ratio'] = ratio.max()
    return found
