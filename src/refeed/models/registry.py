"""The one table of the kinds of models, but for the ensemble, which is made of these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from refeed.data.ratings import Ratings
from refeed.models.als import ALS, build_als_fitter
from refeed.models.autoencoder.autorec import AutoRec
from refeed.models.autoencoder.fitter import build_autoencoder_fitter, build_autorec_fitter
from refeed.models.autoencoder.spec import AutoEncoder
from refeed.models.base import Fitter, Spec
from refeed.models.bayesian.fitter import build_bayesian_fitter
from refeed.models.bayesian.spec import BayesianFactorisation
from refeed.models.bias import Bias, build_bias_fitter
from refeed.models.ease import Ease, build_ease_fitter
from refeed.models.pca import Pca, build_pca_fitter
from refeed.models.pmf.fitter import build_pmf_fitter
from refeed.models.pmf.spec import PMF
from refeed.models.popularity import Popularity, build_popularity_fitter
from refeed.models.rrn.fitter import build_rrn_fitter
from refeed.models.rrn.spec import RRN
from refeed.models.svd_plus_plus.fitter import build_svd_plus_plus_fitter
from refeed.models.svd_plus_plus.spec import SvdPlusPlus
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime

FitterBuilder = Callable[[Any, Ratings, TrainingOptions, Runtime], Fitter]
"""From a description, the training ratings, the options (for the models that take them) and the runtime."""


class Kind(NamedTuple):
    """A kind of model.

    Attributes:
        spec: the class of its descriptions.
        build_fitter: builds a new model and its fitter.
    """

    spec: type[Spec]
    build_fitter: FitterBuilder


KINDS: dict[str, Kind] = {
    ALS.kind: Kind(ALS, build_als_fitter),
    PMF.kind: Kind(PMF, build_pmf_fitter),
    RRN.kind: Kind(RRN, build_rrn_fitter),
    AutoEncoder.kind: Kind(AutoEncoder, build_autoencoder_fitter),
    AutoRec.kind: Kind(AutoRec, build_autorec_fitter),
    BayesianFactorisation.kind: Kind(BayesianFactorisation, build_bayesian_fitter),
    Bias.kind: Kind(Bias, build_bias_fitter),
    Ease.kind: Kind(Ease, build_ease_fitter),
    Pca.kind: Kind(Pca, build_pca_fitter),
    Popularity.kind: Kind(Popularity, build_popularity_fitter),
    SvdPlusPlus.kind: Kind(SvdPlusPlus, build_svd_plus_plus_fitter),
}


def build_fitter(spec: Spec, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    """Build the fitter of a new model on the runtime's device."""
    return KINDS[spec.kind].build_fitter(spec, train, options, runtime)
