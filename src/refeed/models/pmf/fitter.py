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
from refeed.errors import TrainingError
from refeed.models.base import Fitter, StepReport
from refeed.models.common.building import with_offsets
from refeed.models.common.factors import INITIAL_DEVIATION, FactorModel, rating_spread
from refeed.models.common.sampled_linear import sampled_linear
from refeed.models.common.sparse_rows import SparseRows
from refeed.models.pmf.adaptive_priors import Evidence, Prior, estimated_priors
from refeed.models.pmf.spec import PMF
from refeed.optim.options import TrainingOptions
from refeed.optim.row_lazy_momentum import RowLazyMomentum
from refeed.runtime import Runtime
from refeed.seeds import derive_seed

OCCURRENCES = 50  # expected of the most frequent user or item in a batch of automatic size
LARGEST_BATCH = 1 << 16
GROWN = 1.1  # mean square of factors, of the initial one, from which on adaptive priors are estimated


class FactorDescentFitter(Fitter):
    """Each epoch goes over the ratings in an order of its own, a function of (seed, epoch); a step takes a batch of them.

    Minimises half the objective of `PMF`: the step's gradient is the sum over the batch, where each rating brings its share of
    its user's and its item's penalty. So a batch of one rating is the update of Funk's and Surprise's SVD.

    Args:
        model: with its initial factors, on its device; its offsets are already fitted.
        train: training ratings.
        spec: how to fit.
        seed: of the orders.
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
        self._require_finite(loss, f"epoch {epoch + 1}, batch {step + 1:,}")
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
            tensors |= {f"{name}.{key}": tensor for key, tensor in side.state().items()}
        return tensors

    @override
    def load_state(self, tensors: dict[str, Tensor]) -> None:
        if not tensors:
            return
        self._squared_error = tensors["squared_error"].item()
        for name, side in self._sides.items():
            start = f"{name}."
            side.load_state({key.removeprefix(start): tensor for key, tensor in tensors.items() if key.startswith(start)})

    def _begin_epoch(self) -> None:
        if self.spec.prior == "adaptive" and self._squared_error > 0:
            self._estimate_priors()
        self._squared_error = 0.0

    def _estimate_priors(self) -> None:
        """Once the factors have grown: estimated from small ones, the penalties would keep them small."""
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
        """The users of a batch, int64 (u,), rising, and their ratings in it, offsets taken off, over all items."""
        if self._order_of[0] != epoch:
            self._order_of = (epoch, _shuffled(len(self.train), derive_seed(self.seed, "ratings", epoch)))
        places = np.sort(self._order_of[1][step * self.batch_size : (step + 1) * self.batch_size])  # so in the order of users
        users, counts = np.unique(self._user_of_rating[places], return_counts=True)
        items = self.train.indices[places].astype(np.int64)
        offsets = np.repeat(self._user_offset[users], counts) + self._item_offset[items]
        history = History(
            indptr=pointers(counts),
            indices=items,
            values=self.train.values[places].astype(np.float32) - offsets,
            num_items=self.train.num_items,
            users=users.astype(np.int64),
        )
        return torch.from_numpy(history.users).to(self.model.device), SparseRows.from_history(history, self.model.device)

    def _require_finite(self, squared_error: float, where: str) -> None:
        if not math.isfinite(squared_error):
            raise TrainingError(
                f"{where}: the loss is not a finite number; the steps were too large for these ratings\n"
                f"  Lower learning_rate (now {self.spec.learning_rate:g}) or batch_size (now {self.batch_size:,})."
            )


class _Side:
    """The users or the items: their parameters, and the penalty on them.

    Args:
        parameters: factors, (r, k), and bias, (r,), or None.
        counts: training ratings of each, int64 (r,).
        spec: how to fit.
    """

    def __init__(self, parameters: list[nn.Parameter | None], counts: npt.NDArray[np.int64], spec: PMF) -> None:
        present = [parameter for parameter in parameters if parameter is not None]
        self.momenta = RowLazyMomentum(present, [0.0] * len(present), momentum=spec.momentum)
        self.factors, self.weighted, self.prior = present[0], spec.prior == "weighted", Prior(spec.regularisation)
        self.counts = torch.from_numpy(counts).to(self.factors.device)

    @property
    def evidence(self) -> Evidence:
        """From which the prior is estimated."""
        return Evidence(self.factors.detach(), self.counts, self.prior)

    def penalty(self, rows: Tensor, occurrences: Tensor, read: list[Tensor]) -> Tensor:
        """The share of the penalty that a batch brings in which these rows occur so often, both (u,)."""
        shares = occurrences if self.weighted else occurrences / self.counts[rows]
        squares = sum(leaf.square().reshape(len(rows), -1).sum(1) for leaf in read)
        return self.prior.regularisation * (shares * squares).sum()

    def state(self) -> dict[str, Tensor]:
        """The momenta and the prior."""
        prior = [value for value in (self.prior.regularisation, self.prior.variance) if value is not None]
        return {"prior": torch.tensor(prior, dtype=torch.float64), **self.momenta.state()}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Take up a state."""
        self.prior = Prior(*tensors["prior"].tolist())
        self.momenta.load_state(tensors)


def _predicted(users: list[Tensor], items: list[Tensor], rows: SparseRows) -> Tensor:
    """Predictions, offsets taken off, at the places of rows, (nnz,)."""
    products = sampled_linear(users[0], items[0], rows)
    if len(users) == 1:
        return products
    return products + users[1].index_select(0, rows.row_of_entry) + items[1].index_select(0, rows.columns)


def _shuffled(count: int, seed: int) -> npt.NDArray[np.signedinteger]:
    """The numbers from 0 to `count` - 1 in an order that follows from the seed."""
    narrow: type[np.signedinteger] = np.int32 if count <= np.iinfo(np.int32).max else np.int64
    numbers: npt.NDArray[np.signedinteger] = np.arange(count, dtype=narrow)
    np.random.default_rng(seed).shuffle(numbers)
    return numbers


def _batch_size(train: Ratings) -> int:
    """So many ratings that the most frequent user or item occurs about `OCCURRENCES` times in a batch."""
    most = max(train.user_counts.max(), train.item_counts.max())
    return int(min(LARGEST_BATCH, max(1, OCCURRENCES * len(train) // int(most))))


def build_pmf_fitter(spec: PMF, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    """The fitter of PMF; see `registry.KINDS`."""
    scaled = spec.in_units_of(rating_spread(train))
    return FactorDescentFitter(with_offsets(scaled, train, runtime), train, scaled, seed=runtime.seed)
