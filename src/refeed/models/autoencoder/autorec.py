"""AutoRec: the shallow autoencoder of ratings that the deep ones are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from typing_extensions import override

from refeed.config import PositiveInt
from refeed.models.autoencoder.item_side import ItemAutoEncoder
from refeed.models.autoencoder.network import Network, NetworkShape
from refeed.models.autoencoder.spec import AutoEncoderModel
from refeed.models.autoencoder.user_side import UserAutoEncoder
from refeed.models.base import Spec
from refeed.models.common.offsets import Offsets

Activation = Literal["identity", "sigmoid"]


@dataclass(frozen=True)
class AutoRec(Spec):
    """One hidden layer over each item's (or each user's) ratings; Sedhain et al. (2015): I-AutoRec and U-AutoRec.

    h(r) = f(W g(V r + mu) + b), equation 2, where a missing rating goes in as 0. It minimises the squared error of the ratings
    + lambda / 2 (|W|^2 + |V|^2), equation 3. The training options `weight_decay` and `decay_biases=false` say this
    regularisation for the mean squared error: weight_decay = lambda / number of training ratings. Training starts from output
    biases that give the mean rating.

    Attributes:
        side: "item" (I-AutoRec: a row is an item's ratings) or "user" (U-AutoRec).
        width: k, units of the hidden layer, at least 1.
        hidden: g, identity or sigmoid.
        output: f, identity, or sigmoid stretched over the rating scale: lowest + (highest - lowest) * sigmoid(.).
        centred: whether the mean rating is taken off first and added to what comes out, or ratings go in as they are, so that
            each differs from a missing one. The paper says nothing of it; none takes what is better by far on MovieLens 1M:
            false on the item side, true on the user side.

    Raises:
        ConfigError: a value of the wrong type or out of its range.

    Examples:
        >>> import numpy as np
        >>> from refeed import AutoRec, RandomSplit, Ratings, TrainingOptions, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> train(AutoRec(width=8), RandomSplit().apply(ratings), TrainingOptions(epochs=1))
        FittedModel(autorec, 30 users x 40 items, 518 trained weights)
    """

    kind: ClassVar[str] = "autorec"
    title: ClassVar[str] = "AutoRec"
    uses_training_options: ClassVar[bool] = True

    side: Literal["item", "user"] = "item"
    width: PositiveInt = 500
    hidden: Activation = "sigmoid"
    output: Activation = "identity"
    centred: bool | None = None

    @property
    def shape(self) -> NetworkShape:
        """The layers of the network."""
        return NetworkShape(
            encoder=(self.width,),
            decoder=(),
            tied=False,
            activation=self.hidden,
            activation_on_last_layer=False,
            code_dropout=0.0,
            hidden_dropout=0.0,
            input_dropout=0.0,
            within_scale=self.output == "sigmoid",
        )

    @override
    def summary(self, num_users: int, num_items: int) -> str:
        columns = f"{num_items if self.side == 'user' else num_users:,}"
        layers = f"{columns} > {self.width} > {columns}"
        return f"{self.side[0].upper()}-AutoRec {layers}, {self.hidden} hidden layer, {self.output} output"

    @override
    def build(self, num_users: int, num_items: int, *, seed: int) -> AutoEncoderModel:
        network = Network(self.shape, num_items if self.side == "user" else num_users, seed=seed)
        side = UserAutoEncoder if self.side == "user" else ItemAutoEncoder
        centred = self.side == "user" if self.centred is None else self.centred
        offsets = Offsets("mean" if centred else "none", num_items, item_damping=0.0, user_damping=0.0)
        return side(network, offsets, num_users, num_items)
