"""Former home of `refeed.optim.options`; it is kept for one release."""

from __future__ import annotations

import warnings

from refeed.optim.options import TrainingOptions

__all__ = ["TrainingOptions"]

warnings.warn(
    "refeed.training.options has moved and goes with the next release; use `from refeed import TrainingOptions`",
    DeprecationWarning,
    stacklevel=2,
)
