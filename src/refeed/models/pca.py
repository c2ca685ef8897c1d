"""Principal components of ratings of which most are missing; the linear autoencoder in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from refeed.config import conform, require_ranges
from refeed.data.history import History
from refeed.errors import ConfigError
from refeed.models.base import ScoredModel, Scorer
from refeed.models.layers.sampled_linear import sampled_linear
from refeed.models.offsets import OffsetKind, Offsets
from refeed.models.ridge import RidgeSolver
from refeed.models.user_autoencoder import asked_places, centred

LEAST_PENALTY = 1e-6  # of a projection, as a share of the largest singular value: what a person's ratings leave open is 0


@dataclass(frozen=True)
class Pca:
    """PCA with missing ratings: a low-rank matrix through the known ones, found by filling in the others again and again.

    Minimises 1/2 sum (r_ui - offset - M_ui)^2 over the ratings + regularisation * (sum of the singular values of M), M of rank
    `factors`: Mazumder, Hastie & Tibshirani (2010), "Spectral regularization algorithms for learning large incomplete matrices"
    (soft-impute); 0 gives SVD-impute, which is the PCA of the offsets' residuals where no rating is missing. Fitted by Hastie
    et al. (2015), "Matrix completion and low-rank SVD via fast alternating least squares", algorithm 3.1.

    A person's row of M is the best one for their ratings in the span of the items' components, which is a ridge regression; for
    the users of training too, so a new person is treated alike. This is the linear autoencoder whose code is solved for.
    `AutoEncoder(activation="identity")` is linear as well, but its code is W r with missing ratings read as 0; where no rating
    is missing, both span the same subspace at their minimum (Baldi & Hornik 1989).

    Attributes:
        factors: largest rank, at least 1.
        regularisation: what is taken off each singular value, at least 0.
        epochs: times that the missing ratings are filled in, at least 1.
        patience: epochs without a better validation RMSE after which fitting stops; none never stops early.
        offsets: what is taken off the ratings first: "none", "mean", or "bias" (mean, user and item biases).
        item_regularisation: for offsets "bias": imaginary ratings that pull an item's bias to 0, at least 0.
        user_regularisation: the same for a user's bias.

    Raises:
        ConfigError: a value of the wrong type or out of its range.
    """

    kind: ClassVar[str] = "pca"
    title: ClassVar[str] = "PCA"
    uses_training_options: ClassVar[bool] = False

    factors: int = 30
    regularisation: float = 20.0
    epochs: int = 50
    patience: int | None = 5
    offsets: OffsetKind = "bias"
    item_regularisation: float = 10.0
    user_regularisation: float = 15.0

    def __post_init__(self) -> None:
        conform(self)
        require_ranges(
            self, from_0=("regularisation", "item_regularisation", "user_regularisation"), from_1=("factors", "epochs")
        )
        if self.patience is not None and self.patience < 1:
            raise ConfigError(f"patience: expected at least 1 or none, got {self.patience}")

    def summary(self, num_users: int, num_items: int) -> str:
        """What it is, in a few words for people."""
        return f"PCA with missing ratings, rank {min(self.factors, num_users, num_items):,}"

    def build(self, num_users: int, num_items: int, *, seed: int) -> PcaModel:
        """The model with random directions."""
        return PcaModel(self, num_users, num_items, seed=seed)


class PcaModel(ScoredModel):
    """See `Pca`; k is the rank.

    Attributes:
        directions: V, right singular vectors, (n, k).
        singular_values: of M, (k,).
    """

    def __init__(self, spec: Pca, num_users: int, num_items: int, *, seed: int) -> None:
        super().__init__(num_users, num_items)
        self.spec = spec
        self.offsets = Offsets(spec.offsets, num_items, user_regularisation=spec.user_regularisation)
        rank = min(spec.factors, num_users, num_items)
        start = torch.empty(num_items, rank).normal_(generator=torch.Generator().manual_seed(seed))
        self.directions = nn.Parameter(start, requires_grad=False)
        self.singular_values = nn.Parameter(torch.zeros(rank), requires_grad=False)

    def scorer(self) -> PcaScorer:
        """See `RatingModel.scorer`: the components that people are projected on."""
        return PcaScorer(self)


class PcaScorer(Scorer):
    """See `Pca`.

    Args:
        model: as it is now.
    """

    @torch.no_grad()
    def __init__(self, model: PcaModel) -> None:
        self._offsets, self._device = model.offsets, model.device
        self._components = model.directions * model.singular_values.sqrt()  # n x k
        self._solver = RidgeSolver(self._components)
        self._penalty = max(model.spec.regularisation, LEAST_PENALTY * max(1.0, model.singular_values.max().item()))

    @torch.no_grad()
    def predict_pairs(
        self,
        history: History,
        rows: npt.NDArray[np.int64],
        items: npt.NDArray[np.int64],
        times: npt.NDArray[np.int64] | None = None,
    ) -> npt.NDArray[np.float32]:
        """See `Scorer.predict_pairs`."""
        del times
        asked, places, place_of_pair = asked_places(rows, items, history.num_items, self._device)
        outputs = sampled_linear(self._codes(history.rows(asked)), self._components, places).numpy(force=True)
        return outputs[place_of_pair] + self._offsets.user_part(history)[rows] + self._offsets.item_part()[items]

    @torch.no_grad()
    def score_rows(self, history: History) -> npt.NDArray[np.float32]:
        """See `Scorer.score_rows`."""
        scores: npt.NDArray[np.float32] = (self._codes(history) @ self._components.t()).numpy(force=True)
        scores += self._offsets.user_part(history)[:, None]
        scores += self._offsets.item_part()
        return scores

    def _codes(self, history: History) -> Tensor:
        """Each person's coordinates, (B, k)."""
        residuals = centred(history, self._offsets.of_entries(history))
        return self._solver.solve(residuals, np.full(len(history), self._penalty))
