"""Ratings stores among the sources of ratings."""

from __future__ import annotations

import os
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from refeed.data.ratings import Ratings
from refeed.data.store.store import HEADER, open_store
from refeed.errors import ConfigError, DataError
from refeed.readers.options import ReadOptions


def is_store(source: Any, layout: str | None) -> bool:
    """Whether the source is a ratings store: given as such, or a folder with its header."""
    if layout is not None:
        return layout == "store"
    return isinstance(source, str | os.PathLike) and (Path(source) / HEADER).is_file()


def read_store(path: Path, options: ReadOptions) -> Ratings:
    """Open a store; its columns are fixed.

    Raises:
        ConfigError: an option that only makes sense for other sources.
        DataError: a label that was not kept when the store was made, or ratings outside the declared scale.
        BundleError: the store is damaged.
    """
    given = [field.name for field in fields(options) if getattr(options, field.name) != field.default]
    useless = [name for name in given if name not in {"labels", "scale"}]
    if useless:
        raise ConfigError(f"{path}: a ratings store has fixed columns; {', '.join(useless)} cannot be given for it")
    ratings, scale = open_store(path), options.scale
    for label in options.labels:
        if label not in ratings.labels:
            known = ", ".join(f"'{name}'" for name in ratings.labels) or "none"
            raise DataError(
                f"the store holds no column '{label}'; the label columns it holds: {known}",
                path=path,
                fix=f"Make it again with that column: refeed import … --keep {label}.",
            )
    if scale is None:
        return ratings
    if not scale.minimum <= ratings.scale.minimum <= ratings.scale.maximum <= scale.maximum:
        raise DataError(
            f"the ratings reach from {ratings.scale.minimum:g} to {ratings.scale.maximum:g}, outside the declared scale "
            f"{scale.minimum:g} to {scale.maximum:g}",
            path=path,
        )
    return replace(ratings, scale=scale)
