"""Rating models, one a file."""

from __future__ import annotations

from refeed.models.autoencoder import AutoEncoder
from refeed.models.bias import Bias

__all__ = ["MODELS", "AutoEncoder", "Bias", "Spec"]

Spec = AutoEncoder | Bias

MODELS: dict[str, type[Spec]] = {AutoEncoder.kind: AutoEncoder, Bias.kind: Bias}
