"""AutoRec: the autoencoder of ratings with one hidden layer."""

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

    h(r) = f(W g(V r + mu) + b), equation 2, with 0 for a missing rating. Minimises the squared error of the ratings
    + lambda / 2 (|W|^2 + |V|^2), equation 3. This regularisation is set by the training options `decay_biases=false` and
    `weight_decay`, which is lambda / number of training ratings since the loss is the mean squared error. The output biases
    start at the mean rating.

    Attributes:
        side: "item" (I-AutoRec: a row is an item's ratings) or "user" (U-AutoRec).
        width: k, units of the hidden layer, at least 1.
        hidden: g, identity or sigmoid.
        output: f, identity, or sigmoid scaled to the rating scale: lowest + (highest - lowest) * sigmoid(.).
        centred: subtract the mean rating first and add it to the output; otherwise the input is the ratings themselves, so that
            all of them differ from missing ones. The paper leaves it open; none takes what is far better on MovieLens 1M: false
            on the item side, true on the user side.

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
