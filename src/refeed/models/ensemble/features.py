"""Meta-features of a pair of user and item, with which the weights of an ensemble vary."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.models.base import Floats, Integers
from refeed.models.ensemble.timeline import Timeline

USER_REACHES, ITEM_REACH = (5, 20), 20  # ratings before and after the requested time, and last ones of an item
OF_USER = ("ratings of the user", "mean of the user")
OF_ITEM = ("ratings of the item", "mean of the item", "local effect of the item, last 20 ratings")
OF_TIME = ("days since the user rated", "days since the item was first rated", "days since the item was last rated")
OF_LOCAL_EFFECT = ("local effect of the user, 10 ratings", "local effect of the user, 40 ratings")
NAMES = (*OF_USER, *OF_ITEM, *OF_TIME, *OF_LOCAL_EFFECT)
"""In the order of the tensors of model folders: another order or number is another version of their format."""
OF_WEIGHTS = (OF_USER[0], OF_ITEM[0], OF_LOCAL_EFFECT[0])  # vary the members' weights; the others the intercept alone
UNTIMED = len(OF_USER) + len(OF_ITEM)  # number of features that do not depend on the requested time
LIMIT = 3.0  # standard deviations at which a feature is clipped
NEGLIGIBLE = 1e-5  # standard deviations below this share of the mean are rounding
DAMPING = 10.0  # pseudo-counts that shrink the mean of a user or item to the overall mean
DAY = 86_400.0  # seconds


class MetaFeatures(nn.Module):
    """The features of pairs, each less its mean over the validation pairs, divided by its standard deviation there.

    Counts and days enter as log(1 + x); means relative to the overall mean, shrunk to it by `DAMPING` pseudo-counts. A local
    effect is the mean residual of the ratings near the requested time, or of the last ratings of an item, user and item biases
    subtracted; see `Timeline`. What is unknown (as all that depends on the time, where none is given) counts as the mean.

    Args:
        num_items: n.
    """

    mean: Tensor
    item_counts: Tensor
    item_means: Tensor
    is_timed: Tensor
    item_effects: Tensor
    item_first: Tensor
    item_last: Tensor
    centres: Tensor
    sizes: Tensor

    def __init__(self, num_items: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("item_counts", torch.zeros(num_items, dtype=torch.int64))
        self.register_buffer("item_means", torch.zeros(num_items))
        self.register_buffer("is_timed", torch.zeros((), dtype=torch.bool))  # whether the training ratings had times
        self.register_buffer("item_effects", torch.zeros(num_items))
        self.register_buffer("item_first", torch.zeros(num_items, dtype=torch.int64))  # seconds since 1970 UTC
        self.register_buffer("item_last", torch.zeros(num_items, dtype=torch.int64))
        self.register_buffer("centres", torch.zeros(len(NAMES)))
        self.register_buffer("sizes", torch.zeros(len(NAMES)))  # 0: a constant feature, left out

    def learn(self, train: Ratings) -> None:
        """Compute the item features from the training ratings."""
        by_item = train.transposed().rows()
        values = by_item.values.astype(np.float64)
        mean = float(values.mean())
        user_means = _damped_means(train.rows(), train.values.astype(np.float64) - mean)
        self.mean.fill_(mean)
        self._put("item_counts", by_item.counts)
        self._put("item_means", _damped_means(by_item, values - mean).astype(np.float32))
        self.is_timed.fill_(by_item.timestamps is not None)
        if by_item.timestamps is None:
            return
        timeline = Timeline.of(by_item, values - mean - user_means[by_item.indices])
        self._put("item_effects", timeline.local_effects(np.arange(len(by_item)), None, ITEM_REACH).astype(np.float32))
        for name, when in zip(("item_first", "item_last"), timeline.ends(), strict=True):
            self._put(name, when)

    def standardise_by(self, raw: npt.NDArray[np.float64]) -> None:
        """Set centres and sizes to mean and deviation of the raw features of the validation pairs, (P, J), NaN unknown."""
        known = np.isfinite(raw)
        counts = known.sum(0).clip(min=1)
        centres = np.where(known, raw, 0.0).sum(0) / counts
        sizes = np.sqrt(np.square(np.where(known, raw - centres, 0.0)).sum(0) / counts)
        self._put("centres", centres.astype(np.float32))
        self._put("sizes", np.where(sizes > NEGLIGIBLE * (1.0 + np.abs(centres)), sizes, 0.0).astype(np.float32))

    def _put(self, name: str, array: npt.NDArray[np.generic]) -> None:
        self.get_buffer(name).copy_(torch.from_numpy(np.ascontiguousarray(array)))

    def reader(self) -> MetaReader:
        """The features as they are now, with what does not depend on the pair computed once."""
        return MetaReader(self)


class MetaReader:
    """Computes `MetaFeatures` of pairs.

    Attributes:
        is_timed: whether the training ratings had times, so that features are missing where no time is requested.
    """

    def __init__(self, features: MetaFeatures) -> None:
        arrays = {name: buffer.numpy(force=True) for name, buffer in features.named_buffers()}
        self._mean = float(arrays["mean"])
        self.is_timed = bool(arrays["is_timed"])
        self._centres, self._sizes = arrays["centres"], arrays["sizes"]
        self._item_means = arrays["item_means"]
        effects = np.where(self.is_timed, arrays["item_effects"], np.nan)
        self._items = np.column_stack((np.log1p(arrays["item_counts"]), self._item_means, effects))
        is_known = self.is_timed & (arrays["item_counts"] > 0)
        self._ends = [np.where(is_known, arrays[name], np.nan) for name in ("item_first", "item_last")]

    def of_pairs(self, history: History, rows: Integers, items: Integers, times: Integers | None = None) -> Floats:
        """Standardised features z of P pairs, float32 (P, J); arguments as of `Scorer.predict_pairs`."""
        return self.standardised(self.raw(history, rows, items, times))

    def of_rows(self, history: History) -> Floats:
        """z of B users for any item and no time, float32 (B, J); 0 for features of items."""
        raw = np.full((len(history), len(NAMES)), np.nan)
        raw[:, : len(OF_USER)] = self._of_users(history)
        return self.standardised(raw)

    def of_items(self) -> Floats:
        """z of the n items for any user and no time, float32 (n, J); 0 for features of users."""
        raw = np.full((len(self._items), len(NAMES)), np.nan)
        raw[:, len(OF_USER) : UNTIMED] = self._items
        return self.standardised(raw)

    def raw(self, history: History, rows: Integers, items: Integers, times: Integers | None = None) -> npt.NDArray[np.float64]:
        """The raw features of P pairs, float64 (P, J); NaN where unknown."""
        raw = np.full((len(rows), len(NAMES)), np.nan)
        raw[:, :UNTIMED] = np.column_stack((self._of_users(history)[rows], self._items[items]))
        if times is None:
            return raw
        for column, ends in enumerate(self._ends, UNTIMED + 1):
            raw[:, column] = _days(times - ends[items])
        if history.timestamps is not None:
            residuals = history.values.astype(np.float64) - self._mean - self._item_means[history.indices]
            timeline = Timeline.of(history, residuals)
            raw[:, UNTIMED] = np.where(history.counts[rows] > 0, _days(times - timeline.ends()[1][rows]), np.nan)
            for column, reach in enumerate(USER_REACHES, UNTIMED + len(OF_TIME)):
                raw[:, column] = timeline.local_effects(rows, times, reach)
        return raw

    def _of_users(self, history: History) -> npt.NDArray[np.float64]:
        means = _damped_means(history, history.values.astype(np.float64) - self._mean)
        return np.column_stack((np.log1p(history.counts), means))

    def standardised(self, raw: npt.NDArray[np.float64]) -> Floats:
        """z, float32 (P, J), from raw features."""
        usable = self._sizes > 0
        z = np.divide(raw - self._centres, self._sizes, out=np.zeros_like(raw), where=usable)
        return np.asarray(np.nan_to_num(z, nan=0.0).clip(-LIMIT, LIMIT), np.float32)


def _damped_means(rows: History, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The mean of each row's values, (nnz,), shrunk to 0 by `DAMPING`, float64 (rows,)."""
    sums = np.bincount(rows.row_of_rating, weights=values, minlength=len(rows))
    return np.asarray(sums / (rows.counts + DAMPING), np.float64)


def _days(seconds: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """log(1 + days), 0 before the event; NaN stays."""
    return np.asarray(np.log1p(seconds.clip(min=0.0) / DAY), np.float64)
