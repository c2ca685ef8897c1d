"""Fits PCA with missing ratings: what is missing is filled in from the low-rank matrix, which moves to the SVD of that."""

from __future__ import annotations

import torch
from torch import Tensor

from refeed.data.ratings import Ratings
from refeed.models.layers.sampled_linear import sampled_linear
from refeed.models.layers.sparse_linear import sum_of_rows
from refeed.models.layers.sparse_rows import SparseRows
from refeed.models.pca import Pca, PcaModel
from refeed.models.user_autoencoder import centred
from refeed.training.closed_form import fit_offsets
from refeed.training.fitter import StepReport


class SoftImputeFitter:
    """soft-impute by alternating least squares; Hastie et al. (2015), algorithm 3.1.

    The filled-in matrix X is never there: X = E + U s V^T with E, the errors at the ratings, sparse. An epoch is one step,
    which updates V and then U, each by a ridge regression of X on the other and an SVD of the result; without regularisation
    this is orthogonal (block power) iteration.

    Args:
        model: with random directions, on its device.
        train: training ratings.
        spec: its description.
    """

    @torch.no_grad()
    def __init__(self, model: PcaModel, train: Ratings, spec: Pca) -> None:
        self.model, self.spec = model, spec
        self.epochs, self.patience = spec.epochs, spec.patience
        fit_offsets(
            model.offsets,
            train,
            item_regularisation=spec.item_regularisation,
            user_regularisation=spec.user_regularisation,
        )
        history = train.rows()
        self._rows = SparseRows.from_history(centred(history, model.offsets.of_entries(history)), model.device)
        self._users = self._first_users()  # U, m x k

    def num_steps(self, epoch: int) -> int:
        """One."""
        del epoch
        return 1

    @torch.no_grad()
    def train_step(self, epoch: int, step: int) -> StepReport:
        """Update both sides; see `Fitter.train_step`."""
        del epoch, step
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

    def learning_rate(self, epoch: int) -> None:
        """There is none."""
        del epoch

    def close(self) -> None:
        """See `Fitter.close`."""

    def state(self) -> dict[str, Tensor]:
        """The left singular vectors, which the model does not need."""
        return {"users": self._users}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Take up the left singular vectors."""
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
        self._users = users.contiguous()  # as a checkpoint holds it, so that a resumed run rounds alike
        self.model.singular_values.copy_(values)
        self.model.directions.copy_(directions)

    def _errors(self) -> Tensor:
        """R - M at the ratings, (nnz,)."""
        scaled = self.model.directions * self.model.singular_values
        return self._rows.values - sampled_linear(self._users, scaled, self._rows)

    def _shrunken(self, sums: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """X times one side's vectors, (r, k), as a ridge regression leaves it: its SVD W s T^T as W, s and T."""
        values = self.model.singular_values
        shares = values / (values + self.spec.regularisation).clamp(min=torch.finfo(values.dtype).tiny)
        vectors: Tensor
        vectors, singular_values, turn = torch.linalg.svd(sums * shares, full_matrices=False)
        return vectors, singular_values, turn.t()
