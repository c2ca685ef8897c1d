"""EASE: a linear model from the items that a person rated to all items, in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from refeed.config import conform, require_ranges
from refeed.data.history import History
from refeed.errors import ConfigError
from refeed.models.base import RatingModel
from refeed.models.layers.sparse_linear import sum_of_rows
from refeed.models.layers.sparse_rows import SparseRows
from refeed.models.offsets import Offsets
from refeed.models.user_autoencoder import centred

SCORES_PER_BLOCK = 1 << 22  # of people by all items, held at once when single pairs are asked
BYTES_PER_WEIGHT = 24  # while fitting: the Gram matrix and its inverse in double precision, the weights and the way to them


@dataclass(frozen=True)
class Ease:
    """EASE: every item a linear function of all other items, in closed form; for ranking, or of centred ratings.

    Steck, "Embarrassingly shallow autoencoders for sparse data" (2019): B = argmin |X - X B|^2 + regularisation |B|^2 with a
    zero diagonal, which is B_ij = -P_ij / P_jj with P = (X^T X + regularisation I)^-1. What X holds is the `target`:

    - "ratings": what is left of the ratings after the mean and the user and item biases, 0 where there is none. A prediction is
      bias + gain * (x_u B)_i. B also had to explain the zeros, so it is too small for ratings; the one number `gain` that
      fits the training ratings best makes up for it.
    - "implicit": 1 where there is a rating, whatever its value: what people choose, for ranked lists. The scores x_u B are
      preferences; to be on the scale of the ratings they are moved by the person's bias and scaled by the best line
      through the training ratings (a rising one at any rate), which keeps each person's ranking. The RMSE of such predictions
      says little: judge them by their lists.

    Attributes:
        target: "ratings" or "implicit".
        regularisation: penalty on the weights, above 0.
        item_regularisation: imaginary ratings that pull an item's bias to 0, at least 0.
        user_regularisation: the same for a user's bias.
        most_items: refuse more items than this; fitting holds about 24 bytes for each pair of items (20,000 items: 10 GB).

    Raises:
        ConfigError: a value of the wrong type or out of its range.
    """

    kind: ClassVar[str] = "ease"
    title: ClassVar[str] = "EASE"
    uses_training_options: ClassVar[bool] = False

    target: Literal["ratings", "implicit"] = "ratings"
    regularisation: float = 3000.0
    item_regularisation: float = 10.0
    user_regularisation: float = 15.0
    most_items: int = 20_000

    def __post_init__(self) -> None:
        conform(self)
        require_ranges(
            self,
            above_0=("regularisation",),
            from_0=("item_regularisation", "user_regularisation"),
            from_1=("most_items",),
        )

    def summary(self, num_users: int, num_items: int) -> str:
        """What it is, in a few words for people."""
        del num_users
        return f"EASE over {num_items:,} items, {self.target}"

    def build(self, num_users: int, num_items: int, *, seed: int) -> EaseModel:
        """The model before fitting; nothing in it is random.

        Raises:
            ConfigError: more items than `most_items`.
        """
        del seed
        if num_items > self.most_items:
            raise ConfigError(
                f"ease: its weights are items x items, and {num_items:,} items are more than most_items = {self.most_items:,}\n"
                f"  Fitting them takes about {BYTES_PER_WEIGHT * num_items**2 / 1e9:,.0f} GB of memory; where that is at hand, "
                f"set most_items={num_items}, else leave out rare items or take another model."
            )
        return EaseModel(self, num_users, num_items)


class EaseModel(RatingModel):
    """See `Ease`; anybody's prediction comes from their history alone.

    Attributes:
        weights: gain * B, (n, n); column i predicts item i.
        level: added to every score of target "implicit".
    """

    level: Tensor

    def __init__(self, spec: Ease, num_users: int, num_items: int) -> None:
        super().__init__(num_users, num_items)
        self.spec = spec
        self.offsets = Offsets("bias", num_items, user_regularisation=spec.user_regularisation)
        self.weights = nn.Parameter(torch.zeros(num_items, num_items), requires_grad=False)
        self.register_buffer("level", torch.zeros((), dtype=torch.float32))

    def inputs(self, history: History) -> SparseRows:
        """The rows x of B people."""
        rows = SparseRows.from_history(centred(history, self.offsets.of_entries(history)), self.device)
        return rows if self.spec.target == "ratings" else rows.with_values(torch.ones_like(rows.values))

    def offsets_of_items(self) -> npt.NDArray[np.float32]:
        """What a prediction has of the item alone, float32 (n,)."""
        if self.spec.target == "ratings":
            return self.offsets.item_part()
        return np.full(self.num_items, self.level.item(), np.float32)

    def scorer(self) -> EaseModel:
        """See `RatingModel.scorer`: nothing is to be worked out."""
        return self

    def predict_pairs(
        self,
        history: History,
        rows: npt.NDArray[np.int64],
        items: npt.NDArray[np.int64],
        times: npt.NDArray[np.int64] | None = None,
    ) -> npt.NDArray[np.float32]:
        """See `Scorer.predict_pairs`; a person who is asked about is scored on all items, some people at once."""
        del times
        predictions = np.empty(len(rows), np.float32)
        order = np.argsort(rows, kind="stable")
        asked, starts = np.unique(rows[order], return_index=True)
        ends = np.append(starts[1:], len(rows))
        size = max(1, SCORES_PER_BLOCK // self.num_items)
        for first in range(0, len(asked), size):
            block = asked[first : first + size]
            pairs = order[starts[first] : ends[first + len(block) - 1]]
            scores = self.score_rows(history.rows(block))
            predictions[pairs] = scores[np.searchsorted(block, rows[pairs]), items[pairs]]
        return predictions

    @torch.no_grad()
    def score_rows(self, history: History) -> npt.NDArray[np.float32]:
        """See `Scorer.score_rows`."""
        rows = self.inputs(history)
        scores: npt.NDArray[np.float32] = sum_of_rows(rows.columns, self.weights, rows.indptr, rows.values).numpy(force=True)
        scores += self.offsets.user_part(history)[:, None]
        scores += self.offsets_of_items()
        return scores
