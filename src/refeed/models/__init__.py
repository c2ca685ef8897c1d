"""Rating models, one a file."""

from __future__ import annotations

from refeed.models.als import ALS
from refeed.models.autoencoder import AutoEncoder
from refeed.models.autorec import AutoRec
from refeed.models.bayesian_factorisation import BayesianFactorisation
from refeed.models.bias import Bias
from refeed.models.ease import Ease
from refeed.models.ensemble import Ensemble
from refeed.models.pca import Pca
from refeed.models.pmf import PMF
from refeed.models.rrn import RRN
from refeed.models.spec import Spec
from refeed.models.svd_plus_plus import SvdPlusPlus

__all__ = [
    "ALS",
    "MODELS",
    "PMF",
    "RRN",
    "AutoEncoder",
    "AutoRec",
    "BayesianFactorisation",
    "Bias",
    "Ease",
    "Ensemble",
    "Pca",
    "Spec",
    "SvdPlusPlus",
]

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
