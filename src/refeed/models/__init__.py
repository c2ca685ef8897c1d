"""Rating models, one a file."""

from __future__ import annotations

from refeed.models.als import ALS
from refeed.models.autoencoder.autorec import AutoRec
from refeed.models.autoencoder.spec import AutoEncoder
from refeed.models.base import Spec
from refeed.models.bayesian.spec import BayesianFactorisation
from refeed.models.bias import Bias
from refeed.models.ease import Ease
from refeed.models.ensemble.spec import Ensemble
from refeed.models.pca import Pca
from refeed.models.pmf.spec import PMF
from refeed.models.registry import KINDS
from refeed.models.rrn.spec import RRN
from refeed.models.svd_plus_plus.spec import SvdPlusPlus

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

MODELS: dict[str, type[Spec]] = {**{name: kind.spec for name, kind in KINDS.items()}, Ensemble.kind: Ensemble}
"""The classes of descriptions by their kind: those of the registry, and the ensemble that is made of them."""
