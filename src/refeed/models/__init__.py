"""Rating models, one a file."""

from __future__ import annotations

from refeed.models.autoencoder import AutoEncoder
from refeed.models.bias import Bias
from refeed.models.spec import Spec

__all__ = ["MODELS", "AutoEncoder", "Bias", "Spec"]

MODELS: dict[str, type[Spec]] = {AutoEncoder.kind: AutoEncoder, Bias.kind: Bias}
