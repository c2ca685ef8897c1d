"""Values in a notebook: a small HTML table that needs no other file, style sheet or script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, fields
from html import escape
from typing import Any

from refeed.reports.page import Cell, Facts

_TABLE = "border-collapse: collapse; color: inherit; background: none; font-variant-numeric: tabular-nums; margin: 0.5em 0"
_CAPTION = "caption-side: top; text-align: left; color: inherit; font-weight: 600; padding: 0 0 0.35em"
_LABEL = "text-align: left; vertical-align: top; font-weight: normal; opacity: 0.75; padding: 0.2em 1.5em 0.2em 0"
_VALUE = "text-align: left; vertical-align: top; max-width: 40em; overflow-wrap: anywhere; padding: 0.2em 0"


def facts_table(title: str, facts: Sequence[tuple[str, Cell]]) -> str:
    """An HTML table of labels and values for `_repr_html_`, in the colours of the page that shows it, light or dark.

    Args:
        title: what the value is.
        facts: label and value of each row; numbers are written by `reports.page.cell_text`, texts are escaped.

    Example:
        >>> from refeed.reports.notebook import facts_table
        >>> "<td" in facts_table("Ratings", [("users", 1200)])
        True
    """
    rows = "".join(
        f'<tr style="background: none"><th scope="row" style="{_LABEL}">{escape(label)}</th>'
        f'<td style="{_VALUE}">{escape(value)}</td></tr>'
        for label, value in Facts(facts).texts
    )
    return f'<table style="{_TABLE}"><caption style="{_CAPTION}">{escape(title)}</caption><tbody>{rows}</tbody></table>'


def first_of(values: Sequence[object], total: int) -> str:
    """The values as one text, with an ellipsis where there are more of them in all."""
    return ", ".join([*map(str, values), *(["…"] if total > len(values) else [])])


def changed_options(description: Any) -> str:
    """A dataclass instance as Python writes it, without the options that have their defaults (as scikit-learn does).

    Example:
        >>> from refeed import ALS
        >>> from refeed.reports.notebook import changed_options
        >>> changed_options(ALS(factors=5))
        'ALS(factors=5)'
    """
    changed = []
    for option in fields(description):
        value = getattr(description, option.name)
        default = option.default if option.default_factory is MISSING else option.default_factory()
        if default is MISSING or value != default:
            changed.append(f"{option.name}={value!r}")
    return f"{type(description).__name__}({', '.join(changed)})"
