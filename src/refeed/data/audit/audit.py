"""`audit`: what a source of ratings holds, what is wrong with it, and which splits it allows."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from refeed.data.audit.findings import findings_of, possible_splits
from refeed.data.audit.report import Audit, Bin, Counts, Facts, FlawedRows, TimeFacts, ValueFacts
from refeed.data.rating_columns import LARGEST, RatingColumns
from refeed.data.ratings import RatingScale

MOST_BINS = 20
LARGEST_STEP_SEARCH = 10_000  # distinct values
YEAR_1990 = 631_152_000  # seconds


def audit(columns: RatingColumns, *, scale: RatingScale | None = None, now: int | None = None) -> Audit:
    """Examine ratings as they were read.

    Args:
        columns: from `read_columns`.
        scale: the declared scale; None takes the one declared when reading, if any.
        now: the present, in seconds since 1970 UTC; None asks the clock.
    """
    user_codes, item_codes = (np.asarray(ids.indices).astype(np.int64) for ids in (columns.users, columns.items))  # (rows,)
    user_counts, item_counts = np.bincount(user_codes), np.bincount(item_codes)
    distinct, conflicting = _repeated_pairs(user_codes * len(item_counts) + item_codes, columns.values)
    facts = Facts(
        rows=len(columns),
        users=len(user_counts),
        items=len(item_counts),
        density=distinct / (len(user_counts) * len(item_counts)),
        values=_value_facts(columns, scale or columns.scale),
        ratings_per_user=_counts(user_counts),
        ratings_per_item=_counts(item_counts),
        repeated_rows=len(columns) - distinct,
        conflicting_pairs=conflicting,
        times=_time_facts(columns, user_codes, int(time.time()) if now is None else now),
        labels={name: tuple(label.names) for name, label in columns.labels.items()},
    )
    return Audit(
        source="a table in memory" if columns.origin.path is None else str(columns.origin.path),
        notes=columns.notes,
        facts=facts,
        splits=possible_splits(facts),
        findings=findings_of(facts),
    )


def _repeated_pairs(pairs: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> tuple[int, int]:
    """Number of distinct pairs, and of pairs that occur with different values."""
    ordered = np.sort(pairs)
    distinct = 1 + int((ordered[1:] != ordered[:-1]).sum())
    if distinct == len(pairs):
        return distinct, 0
    order = np.argsort(pairs, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    smallest, largest = (ufunc.reduceat(values[order], starts) for ufunc in (np.fmin, np.fmax))
    return distinct, int((smallest < largest).sum())


def _value_facts(columns: RatingColumns, scale: RatingScale | None) -> ValueFacts:
    values = columns.values
    absent = np.isnan(values)
    infinite = ~absent & ~(np.abs(values) <= LARGEST)
    usable = values[~absent & ~infinite]
    outside = np.zeros(len(values), bool)
    if scale is not None:
        outside = ~absent & ~infinite & ((values < scale.minimum) | (values > scale.maximum))
    distinct, counts = np.unique(usable, return_counts=True)
    return ValueFacts(
        minimum=float(distinct[0]) if len(distinct) else None,
        maximum=float(distinct[-1]) if len(distinct) else None,
        distinct=len(distinct),
        step=_step(distinct),
        mean=float(usable.mean()) if len(usable) else None,
        histogram=_histogram(distinct, counts),
        declared=None if scale is None else (scale.minimum, scale.maximum),
        absent=_flawed(absent, columns),
        infinite=_flawed(infinite, columns),
        outside=_flawed(outside, columns),
    )


def _flawed(bad: npt.NDArray[np.bool_], columns: RatingColumns) -> FlawedRows:
    count = int(bad.sum())
    return FlawedRows(count, columns.origin.describe_row(int(np.argmax(bad))) if count else None)


def _step(distinct: npt.NDArray[np.float64]) -> float | None:
    """The largest step that leads from each value to the next, if it is the smallest gap; None where there is none."""
    if not 2 <= len(distinct) <= LARGEST_STEP_SEARCH:
        return None
    step = float(np.diff(distinct).min())
    multiples = (distinct - distinct[0]) / step
    return round(step, 6) if np.allclose(multiples, np.round(multiples), rtol=0, atol=1e-3) else None


def _histogram(distinct: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]) -> tuple[Bin, ...]:
    """The count of each value if there are at most 20, else of 20 bins of one width."""
    if len(distinct) <= MOST_BINS:
        return tuple(Bin(float(value), float(value), int(count)) for value, count in zip(distinct, counts, strict=True))
    totals, edges = np.histogram(distinct, bins=MOST_BINS, weights=counts)
    return tuple(
        Bin(float(low), float(high), int(total)) for low, high, total in zip(edges[:-1], edges[1:], totals, strict=True)
    )


def _counts(counts: npt.NDArray[np.int64]) -> Counts:
    quarter, median, three_quarters, nine_tenths = (float(q) for q in np.quantile(counts, [0.25, 0.5, 0.75, 0.9]))
    return Counts(
        minimum=int(counts.min()),
        quarter=quarter,
        median=median,
        three_quarters=three_quarters,
        nine_tenths=nine_tenths,
        maximum=int(counts.max()),
        mean=float(counts.mean()),
        single=int((counts == 1).sum()),
    )


def _time_facts(columns: RatingColumns, user_codes: npt.NDArray[np.int64], now: int) -> TimeFacts | None:
    times = columns.timestamps
    if times is None:
        return None
    first, last = int(times.min()), int(times.max())
    moments = np.sort(user_codes * (last - first + 1) + (times - first))  # one number for each user and second
    equal = moments[1:] == moments[:-1]
    tied = np.append(equal, False) | np.append(False, equal)
    return TimeFacts(
        first=f"{np.datetime64(first, 's')}Z",
        last=f"{np.datetime64(last, 's')}Z",
        note=next((note for note in columns.notes if note.startswith("times: ")), ""),
        distinct=len(np.unique(times)),
        tied_share=float(tied.mean()),
        in_future=_flawed(times > now, columns),
        before_1990=_flawed(times < YEAR_1990, columns),
    )
