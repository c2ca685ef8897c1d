"""The libraries that only some work needs, imported when it is done."""

from __future__ import annotations

import importlib
from typing import Any, Literal

from refeed.errors import ConfigError

NEEDED_BY = {"report": "reports need", "tune": "tuning needs"}


def import_extra(module: str, *, extra: Literal["report", "tune"] = "report") -> Any:
    """The module of this name, which comes with the extra.

    Raises:
        ConfigError: the extra is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ConfigError(f"{NEEDED_BY[extra]} the extra: pip install 'refeed[{extra}]' ({error})") from error
