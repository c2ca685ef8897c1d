"""The libraries that only reports need, imported when a report is made."""

from __future__ import annotations

import importlib
from typing import Any

from refeed.errors import ConfigError


def import_extra(module: str) -> Any:
    """The module of this name, which comes with the `report` extra.

    Raises:
        ConfigError: the extra is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ConfigError(f"reports need the extra: pip install 'refeed[report]' ({error})") from error
