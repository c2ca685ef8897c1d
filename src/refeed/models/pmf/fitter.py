"""Fits a factor model by SGD with momentum over batches of single ratings."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from typing_extensions import override

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.data.row_blocks import pointers
from refeed.models.base import Fitter, Integers, StepReport
from refeed.models.common.building import with_offsets
from refeed.models.common.checks import require_finite
from refeed.models.common.factors import INITIAL_DEVIATION, FactorModel, rating_spread
from refeed.models.common.sampled_linear import sampled_linear
from refeed.models.common.sparse_rows import SparseRows
from refeed.models.pmf.adaptive_priors import Evidence, Prior, estimated_priors
from refeed.models.pmf.spec import PMF
from refeed.optim.optimizer_state import under_prefix, with_prefix
from refeed.optim.options import TrainingOptions
from refeed.optim.row_lazy_momentum import RowLazyMomentum
from refeed.runtime import Runtime
from refeed.seeds import derive_seed

OCCURRENCES = 50  # of the most frequent user or item in a batch of automatic size, on average
LARGEST_BATCH = 1 << 16
GROWN = 1.1  # adaptive priors are estimated once the mean square of the factors exceeds this multiple of the initial one


class FactorDescentFitter(Fitter):
    """Steps along the gradient of batches of ratings, which each epoch shuffles; the order is a function of (seed, epoch).

    Minimises half the objective of `PMF`: a step's gradient is the sum over its batch, in which each rating has its share of
    its user's and its item's penalty. With a batch of one rating this is the update of Funk's and Surprise's SVD.

    Args:
        model: with its initial factors, on its device; its offsets are already fitted.
        train: training ratings.
        spec: the model's description.
        seed: of the shuffling.
    """

    model: FactorModel

    def __init__(self, model: FactorModel, train: Ratings, spec: PMF, *, seed: int) -> None:
        self.model, self.train, self.spec, self.seed = model, train, spec, seed
        self.epochs, self.patience = spec.epochs, spec.patience
        self.batch_size = spec.batch_size or _batch_size(train)
        self._user_offset, self._item_offset = model.begin_training(train), model.offsets.item_part()
        self._user_of_rating = train.row_of_rating
        self._sides = {
            "users": _Side([model.user_factors, model.user_bias], train.user_counts, spec),
            "items": _Side([model.item_factors, model.item_bias], train.item_counts, spec),
        }
        self._squared_error = 0.0  # of the epoch so far
        self._order_of: tuple[int, npt.NDArray[np.signedinteger]] = (-1, np.empty(0, np.int64))

    @override
    def num_steps(self, epoch: int) -> int:
        return math.ceil(len(self.train) / self.batch_size)

    @override
    def train_step(self, epoch: int, step: int) -> StepReport:
        if step == 0:
            self._begin_epoch()
        users, rows = self._batch(epoch, step)
        items, rows = rows.compact
        rate, (user_side, item_side) = self.spec.learning_rate, self._sides.values()
        of_users, of_items = user_side.momenta.read(users, rate), item_side.momenta.read(items, rate)
        squared_error = (_predicted(of_users, of_items, rows) - rows.values).square().sum()
        penalty = user_side.penalty(users, torch.diff(rows.indptr), of_users)
        penalty = penalty + item_side.penalty(items, torch.diff(rows.by_column[2]), of_items)
        torch.autograd.backward(0.5 * (squared_error + penalty))
        loss = squared_error.item()
        self._require_finite(loss, epoch, step)
        self._squared_error += loss
        user_side.momenta.step_rows(users, of_users, rate)
        item_side.momenta.step_rows(items, of_items, rate)
        if step == self.num_steps(epoch) - 1:
            for side in self._sides.values():
                side.momenta.flush()  # the model is read between epochs
        return StepReport(loss, len(rows.values))

    @override
    def learning_rate(self, epoch: int) -> float:
        return self.spec.learning_rate

    @override
    def close(self) -> None:
        for side in self._sides.values():
            side.momenta.close()

    @override
    def state(self) -> dict[str, Tensor]:
        """Momenta, the penalties' lambdas, and the error so far, from which the next lambdas follow."""
        tensors = {"squared_error": torch.tensor(self._squared_error, dtype=torch.float64)}
        for name, side in self._sides.items():
            tensors |= with_prefix(f"{name}.", side.state())
        return tensors

    @override
    def load_state(self, tensors: dict[str, Tensor]) -> None:
        if not tensors:
            return
        self._squared_error = tensors["squared_error"].item()
        for name, side in self._sides.items():
            side.load_state(under_prefix(f"{name}.", tensors))

    def _begin_epoch(self) -> None:
        if self.spec.prior == "adaptive" and self._squared_error > 0:
            self._estimate_priors()
        self._squared_error = 0.0

    def _estimate_priors(self) -> None:
        """Estimate the priors once the factors have grown: penalties estimated from small factors would keep them small."""
        users, items = (side.evidence for side in self._sides.values())
        grown = math.sqrt(users.mean_square * items.mean_square) > GROWN * INITIAL_DEVIATION**2
        if users.prior.variance is None and not grown:
            return
        most = 1.0 / self.spec.learning_rate  # a larger lambda overshoots where all ratings of a row are in one batch
        priors = estimated_priors(users, items, self._squared_error / len(self.train), most=most)
        for side, prior in zip(self._sides.values(), priors, strict=True):
            side.prior = prior
        self.model.regularisation.fill_(priors[0].regularisation)

    def _batch(self, epoch: int, step: int) -> tuple[Tensor, SparseRows]:
        """The users of a batch, int64 (u,), sorted, and their residuals in it, over all items."""
        if self._order_of[0] != epoch:
            self._order_of = (epoch, _shuffled(len(self.train), derive_seed(self.seed, "ratings", epoch)))
        batch = np.sort(self._order_of[1][step * self.batch_size : (step + 1) * self.batch_size])  # so in the order of users
        users, counts = np.unique(self._user_of_rating[batch], return_counts=True)
        items = self.train.indices[batch].astype(np.int64)
        offsets = np.repeat(self._user_offset[users], counts) + self._item_offset[items]
        history = History(
            indptr=pointers(counts),
            indices=items,
            values=self.train.values[batch].astype(np.float32) - offsets,
            num_items=self.train.num_items,
            users=users.astype(np.int64),
        )
        return torch.from_numpy(history.users).to(self.model.device), SparseRows.from_history(history, self.model.device)

    def _require_finite(self, loss: float, epoch: int, step: int) -> None:
        remedy = f"Lower learning_rate (now {self.spec.learning_rate:g}) or batch_size (now {self.batch_size:,})."
        require_finite(loss, where=f"epoch {epoch + 1}, batch {step + 1:,}", remedy=remedy)


class _Side:
    """The users or the items: their parameters and the penalty on them.

    Args:
        parameters: factors, (r, k), and bias, (r,), or None.
        counts: training ratings of each row, int64 (r,).
        spec: the model's description.
    """

    def __init__(self, parameters: list[nn.Parameter | None], counts: Integers, spec: PMF) -> None:
        present = [parameter for parameter in parameters if parameter is not None]
        self.momenta = RowLazyMomentum(present, [0.0] * len(present), momentum=spec.momentum)
        self.factors, self.weighted, self.prior = present[0], spec.prior == "weighted", Prior(spec.regularisation)
        self.counts = torch.from_numpy(counts).to(self.factors.device)

    @property
    def evidence(self) -> Evidence:
        """What the prior is estimated from."""
        return Evidence(self.factors.detach(), self.counts, self.prior)

    def penalty(self, rows: Tensor, occurrences: Tensor, read: list[Tensor]) -> Tensor:
        """A batch's share of the penalty, given its rows and their numbers of occurrences, both (u,)."""
        shares = occurrences if self.weighted else occurrences / self.counts[rows]
        squares = sum(leaf.square().reshape(len(rows), -1).sum(1) for leaf in read)
        return self.prior.regularisation * (shares * squares).sum()

    def state(self) -> dict[str, Tensor]:
        """The momenta and the prior."""
        prior = [value for value in (self.prior.regularisation, self.prior.variance) if value is not None]
        return {"prior": torch.tensor(prior, dtype=torch.float64), **self.momenta.state()}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Resume from a state."""
        self.prior = Prior(*tensors["prior"].tolist())
        self.momenta.load_state(tensors)


def _predicted(users: list[Tensor], items: list[Tensor], rows: SparseRows) -> Tensor:
    """Predicted residuals at the entries of the rows, (nnz,)."""
    products = sampled_linear(users[0], items[0], rows)
    if len(users) == 1:
        return products
    return products + users[1].index_select(0, rows.row_of_entry) + items[1].index_select(0, rows.columns)


def _shuffled(count: int, seed: int) -> npt.NDArray[np.signedinteger]:
    """The numbers from 0 to `count` - 1, shuffled."""
    narrow: type[np.signedinteger] = np.int32 if count <= np.iinfo(np.int32).max else np.int64
    numbers: npt.NDArray[np.signedinteger] = np.arange(count, dtype=narrow)
    np.random.default_rng(seed).shuffle(numbers)
    return numbers


def _batch_size(train: Ratings) -> int:
    """The number of ratings with which the most frequent user or item occurs about `OCCURRENCES` times in a batch."""
    most = max(train.user_counts.max(), train.item_counts.max())
    return int(min(LARGEST_BATCH, max(1, OCCURRENCES * len(train) // int(most))))


def build_pmf_fitter(spec: PMF, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    """Build the fitter of PMF, with a new model."""
    scaled = spec.in_units_of(rating_spread(train))
    return FactorDescentFitter(with_offsets(scaled, train, runtime), train, scaled, seed=runtime.seed)
