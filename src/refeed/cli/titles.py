"""Titles of items for the commands: from a given file, or one beside the data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from refeed.cli.console import say
from refeed.data.vocabulary import Vocabulary
from refeed.errors import DataError, shown

if TYPE_CHECKING:
    from refeed.fitted_model import FittedModel


def find_titles(items: Vocabulary, data: Path, named: Path | None) -> list[str | None]:
    """The title of each item, or an empty list where there are none.

    Raises:
        DataError: the file that was named cannot be used.
    """
    from refeed.readers.titles import KNOWN_FILES, titles_for

    if named is not None:
        return titles_for(items, named)
    folder = data if data.is_dir() else data.parent
    beside = [folder / name for name in KNOWN_FILES if (folder / name).is_file()]
    if len(beside) != 1:
        return []
    titles = titles_for(items, beside[0])
    known = sum(title is not None for title in titles)
    if known == 0:
        return []
    say(f"titles of {known:,} of {len(items):,} items from {beside[0].name}")
    return titles


def attach_titles(fitted: FittedModel, items: Vocabulary, titles: list[str | None]) -> FittedModel:
    """The model with the titles (aligned with `items`) of its own items."""
    if not titles:
        return fitted
    places = items.lookup(fitted.items.ids)
    return replace(fitted, titles=tuple(titles[int(place)] for place in places))


class UnknownItemError(DataError):
    """An item that the model does not know."""


def resolve_item(fitted: FittedModel, text: str) -> int | str:
    """The item that a text names: an id, or an exact title.

    Raises:
        UnknownItemError: there is no such item; the message names near ones.
        DataError: several items have the title.
    """
    import difflib

    if fitted.items.is_integer and not text.strip().lstrip("-").isdigit():
        position = -1
    else:
        position = int(fitted.items.lookup([fitted.items.parse(text)], missing="mark")[0])
    if position < 0 and fitted.titles:
        wanted = text.casefold()
        matches = np.flatnonzero([title is not None and title.casefold() == wanted for title in fitted.titles])
        if len(matches) > 1:
            ids = ", ".join(str(id_) for id_ in fitted.items.decode(matches))
            raise DataError(f"several items have the title {shown(text)}; give one of the ids {ids}")
        if len(matches) == 1:
            position = int(matches[0])
    if position >= 0:
        return fitted.items.decode([position])[0]
    known = [title for title in fitted.titles if title] or [str(id_) for id_ in fitted.items.decode(range(len(fitted.items)))]
    near = difflib.get_close_matches(text, known, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(map(shown, near))}?" if near else "Give an id, or a title as it is written."
    raise UnknownItemError(f"unknown item {shown(text)}: not among the {len(fitted.items):,} items known here", fix=hint)
