"""The splitters by name, and as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refeed.config import from_dict, nearest, to_dict
from refeed.data.splits.base import Splitter
from refeed.data.splits.column import ColumnSplit
from refeed.data.splits.random import KFoldSplit, RandomSplit
from refeed.data.splits.time import NetflixSplit, TimeSplit, UserTimeSplit
from refeed.errors import ConfigError

SPLITTERS: Mapping[str, type[Splitter]] = {
    "time": TimeSplit,
    "netflix": NetflixSplit,
    "user-time": UserTimeSplit,
    "random": RandomSplit,
    "k-fold": KFoldSplit,
    "column": ColumnSplit,
}
"""Splitters by their name in files and on the command line."""


def split_to_dict(splitter: Splitter) -> dict[str, Any]:
    """`splitter` as plain JSON values, with its name under "kind"."""
    kind = next(name for name, splitter_class in SPLITTERS.items() if isinstance(splitter, splitter_class))
    return {"kind": kind, **to_dict(splitter)}


def split_from_dict(values: Mapping[str, Any]) -> Splitter:
    """The splitter that `split_to_dict` wrote.

    Raises:
        ConfigError: no or an unknown kind, an unknown or missing key, or a value of the wrong type.
        SplitError: a value out of its range.
    """
    options = dict(values)
    kind = options.pop("kind", None)
    if kind not in SPLITTERS:
        raise ConfigError(f"split: kind {kind!r} is not a way of splitting{nearest(str(kind), SPLITTERS)}")
    splitter: Splitter = from_dict(SPLITTERS[kind], options, where=f"split '{kind}'")
    return splitter
