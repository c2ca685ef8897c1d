"""Principal components of a rating matrix with missing entries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import override

from refeed.config import NonNegativeFloat, PositiveInt
from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.models.base import Fitter, RatingModel, Spec, StepReport
from refeed.models.common.building import new_model
from refeed.models.common.offset_scorer import OffsetScorer
from refeed.models.common.offsets import OffsetKind, Offsets
from refeed.models.common.pairs import centred
from refeed.models.common.ridge import RidgeSolver
from refeed.models.common.sampled_linear import sampled_linear
from refeed.models.common.sparse_linear import sum_of_rows
from refeed.models.common.sparse_rows import SparseRows
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime

LEAST_PENALTY = 1e-6  # of a projection, as a share of the largest singular value: codes that ratings do not determine are 0


@dataclass(frozen=True)
class Pca(Spec):
    """PCA with missing ratings: a low-rank matrix, fitted by imputing the missing entries iteratively.

    Minimises 1/2 sum (r_ui - offset - M_ui)^2 over the ratings + regularisation * (sum of the singular values of M), M of rank
    `factors`: Mazumder, Hastie & Tibshirani (2010), "Spectral regularization algorithms for learning large incomplete matrices"
    (soft-impute); 0 gives SVD-impute, which is the PCA of the offsets' residuals where no rating is missing. Fitted by Hastie
    et al. (2015), "Matrix completion and low-rank SVD via fast alternating least squares", algorithm 3.1.

    A user's row of M is the ridge regression of their history on the items' components, for training users as for new ones.
    This is the linear autoencoder whose code is solved for. `AutoEncoder(activation="identity")` is linear as well, but its
    code is W r with missing ratings read as 0; where no rating is missing, both span the same subspace at their minimum (Baldi
    & Hornik 1989).

    Attributes:
        factors: largest rank, at least 1.
        regularisation: subtracted from each singular value, at least 0.
        epochs: imputations of the missing ratings, at least 1.
        patience: epochs without a lower validation RMSE after which fitting stops; none never stops early.
        offsets: what is subtracted from the ratings first: "none", "mean", or "bias" (mean, user and item biases).
        item_regularisation: for offsets "bias": pseudo-counts that shrink an item's bias to 0, at least 0.
        user_regularisation: the same for a user's bias.

    Raises:
        ConfigError: a value of the wrong type or out of its range.

    Examples:
        >>> import numpy as np
        >>> from refeed import Pca, RandomSplit, Ratings, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> train(Pca(factors=2, epochs=3), RandomSplit().apply(ratings))
        FittedModel(pca, 30 users x 40 items, 82 trained weights)
    """

    kind: ClassVar[str] = "pca"
    title: ClassVar[str] = "PCA"

    factors: PositiveInt = 30
    regularisation: NonNegativeFloat = 20.0
    epochs: PositiveInt = 50
    patience: PositiveInt | None = 5
    offsets: OffsetKind = "bias"
    item_regularisation: NonNegativeFloat = 10.0
    user_regularisation: NonNegativeFloat = 15.0

    @override
    def summary(self, num_users: int, num_items: int) -> str:
        return f"PCA with missing ratings, rank {min(self.factors, num_users, num_items):,}"

    @override
    def build(self, num_users: int, num_items: int, *, seed: int) -> PcaModel:
        return PcaModel(self, num_users, num_items, seed=seed)


class PcaModel(RatingModel):
    """The singular vectors and values of `Pca`; k is the rank.

    Attributes:
        directions: V, right singular vectors, (n, k).
        singular_values: of M, (k,).
    """

    def __init__(self, spec: Pca, num_users: int, num_items: int, *, seed: int) -> None:
        super().__init__(num_users, num_items)
        self.spec = spec
        self.offsets = Offsets(
            spec.offsets, num_items, item_damping=spec.item_regularisation, user_damping=spec.user_regularisation
        )
        rank = min(spec.factors, num_users, num_items)
        start = torch.empty(num_items, rank).normal_(generator=torch.Generator().manual_seed(seed))
        self.directions = nn.Parameter(start, requires_grad=False)
        self.singular_values = nn.Parameter(torch.zeros(rank), requires_grad=False)

    @override
    def scorer(self) -> PcaScorer:
        return PcaScorer(self)


class PcaScorer(OffsetScorer):
    """Predictions of `Pca`: each user's residuals are projected on the components."""

    @torch.no_grad()
    def __init__(self, model: PcaModel) -> None:
        super().__init__(model.offsets, model.device)
        self._components = model.directions * model.singular_values.sqrt()  # n x k
        self._solver = RidgeSolver(self._components)
        self._penalty = max(model.spec.regularisation, LEAST_PENALTY * max(1.0, model.singular_values.max().item()))

    @override
    def outputs_at(self, history: History, entries: SparseRows) -> Tensor:
        return sampled_linear(self._codes(history), self._components, entries)

    @override
    def outputs(self, history: History) -> Tensor:
        return self._codes(history) @ self._components.t()

    def _codes(self, history: History) -> Tensor:
        """Each user's coordinates, (B, k)."""
        residuals = centred(history, self.offsets.of_entries(history))
        return self._solver.solve(residuals, np.full(len(history), self._penalty))


class SoftImputeFitter(Fitter):
    """soft-impute by alternating least squares; Hastie et al. (2015), algorithm 3.1.

    The imputed matrix X is never formed: X = E + U s V^T with E, the errors at the ratings, sparse. An epoch is one step,
    which updates V and then U, each by a ridge regression of X on the other and an SVD of the result; without regularisation
    this is orthogonal (block power) iteration.

    Args:
        model: with random directions, on its device.
        train: training ratings.
        spec: its description.
    """

    model: PcaModel

    @torch.no_grad()
    def __init__(self, model: PcaModel, train: Ratings, spec: Pca) -> None:
        self.model, self.spec = model, spec
        self.epochs, self.patience = spec.epochs, spec.patience
        model.offsets.fit(train)
        history = train.rows()
        self._rows = SparseRows.from_history(centred(history, model.offsets.of_entries(history)), model.device)
        self._users = self._first_users()  # U, m x k

    @override
    @torch.no_grad()
    def train_step(self, epoch: int, step: int) -> StepReport:
        """Update V, then U."""
        model, rows = self.model, self._rows
        order, row_of_entry, pointers = rows.by_column
        errors = self._errors()
        squared_error = float(errors.double().square().sum())
        sums = sum_of_rows(row_of_entry, self._users, pointers, errors[order])  # E^T U, n x k
        directions, values, turn = self._shrunken(sums + model.directions * model.singular_values)
        self._keep(self._users @ turn, values, directions)
        sums = sum_of_rows(rows.columns, model.directions, rows.indptr, self._errors())  # E V, m x k
        users, values, turn = self._shrunken(sums + self._users * model.singular_values)
        self._keep(users, values, model.directions @ turn)
        return StepReport(squared_error, len(rows.values))

    @override
    def state(self) -> dict[str, Tensor]:
        """The left singular vectors, which the model does not need."""
        return {"users": self._users}

    @override
    def load_state(self, tensors: dict[str, Tensor]) -> None:
        self._users = tensors["users"].to(self.model.device)

    def _first_users(self) -> Tensor:
        """From the model's random directions: U, and the singular values and directions of the first M = (R V) V^T."""
        directions, _ = torch.linalg.qr(self.model.directions)
        sums = sum_of_rows(self._rows.columns, directions, self._rows.indptr, self._rows.values)  # R V, m x k
        users: Tensor
        users, values, turn = torch.linalg.svd(sums, full_matrices=False)
        self._keep(users, values, directions @ turn.t())
        return users

    def _keep(self, users: Tensor, values: Tensor, directions: Tensor) -> None:
        self._users = users.contiguous()  # as in a checkpoint, so that a resumed run rounds alike
        self.model.singular_values.copy_(values)
        self.model.directions.copy_(directions)

    def _errors(self) -> Tensor:
        """R - M at the ratings, (nnz,)."""
        scaled = self.model.directions * self.model.singular_values
        return self._rows.values - sampled_linear(self._users, scaled, self._rows)

    def _shrunken(self, sums: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """SVD (W, s, T) of the ridge regression with the right-hand side X times one side's vectors, (r, k)."""
        values = self.model.singular_values
        shares = values / (values + self.spec.regularisation).clamp(min=torch.finfo(values.dtype).tiny)
        vectors: Tensor
        vectors, singular_values, turn = torch.linalg.svd(sums * shares, full_matrices=False)
        return vectors, singular_values, turn.t()


def build_pca_fitter(spec: Pca, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    """Build the fitter of PCA, with a new model."""
    return SoftImputeFitter(new_model(spec, train, runtime), train, spec)
