"""Which fitter fits which kind of model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refeed.data.ratings import Ratings
from refeed.models.als import ALS, build_als_fitter
from refeed.models.autoencoder.autorec import AutoRec
from refeed.models.autoencoder.fitter import build_autoencoder_fitter, build_autorec_fitter
from refeed.models.autoencoder.spec import AutoEncoder
from refeed.models.base import Fitter, Spec
from refeed.models.bayesian.fitter import build_bayesian_fitter
from refeed.models.bayesian.model import BayesianFactorisation
from refeed.models.bias import Bias, build_bias_fitter
from refeed.models.ease import Ease, build_ease_fitter
from refeed.models.ensemble.model import Ensemble
from refeed.models.pca import Pca, build_pca_fitter
from refeed.models.pmf.fitter import build_pmf_fitter
from refeed.models.pmf.spec import PMF
from refeed.models.rrn.fitter import build_rrn_fitter
from refeed.models.rrn.spec import RRN
from refeed.models.svd_plus_plus.fitter import build_svd_plus_plus_fitter
from refeed.models.svd_plus_plus.model import SvdPlusPlus
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime

FitterBuilder = Callable[[Any, Ratings, TrainingOptions, Runtime], Fitter]
"""From a description, the training ratings, the options (for the models that take them) and the runtime."""


def build_fitter(spec: Spec, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    """The fitter of a new model, which lies on the runtime's device."""
    return FITTERS[spec.kind](spec, train, options, runtime)


FITTERS: dict[str, FitterBuilder] = {
    ALS.kind: build_als_fitter,
    PMF.kind: build_pmf_fitter,
    RRN.kind: build_rrn_fitter,
    AutoEncoder.kind: build_autoencoder_fitter,
    AutoRec.kind: build_autorec_fitter,
    BayesianFactorisation.kind: build_bayesian_fitter,
    Bias.kind: build_bias_fitter,
    Ease.kind: build_ease_fitter,
    Pca.kind: build_pca_fitter,
    SvdPlusPlus.kind: build_svd_plus_plus_fitter,
}

MODELS: dict[str, type[Spec]] = {
    ALS.kind: ALS,
    PMF.kind: PMF,
    RRN.kind: RRN,
    AutoEncoder.kind: AutoEncoder,
    AutoRec.kind: AutoRec,
    BayesianFactorisation.kind: BayesianFactorisation,
    Bias.kind: Bias,
    Ease.kind: Ease,
    Ensemble.kind: Ensemble,
    Pca.kind: Pca,
    SvdPlusPlus.kind: SvdPlusPlus,
}
