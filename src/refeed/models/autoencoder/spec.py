"""The description of the deep autoencoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from typing_extensions import override

from refeed.config import NonNegativeFloat, PositiveInt, Probability
from refeed.errors import ConfigError
from refeed.models.autoencoder.item_side import ItemAutoEncoder
from refeed.models.autoencoder.layers.activations import activation_name
from refeed.models.autoencoder.network import Network, NetworkShape
from refeed.models.autoencoder.user_side import UserAutoEncoder
from refeed.models.base import Spec
from refeed.models.common.offsets import OffsetKind, Offsets

AutoEncoderModel = UserAutoEncoder | ItemAutoEncoder


@dataclass(frozen=True)
class AutoEncoder(Spec):
    """A deep autoencoder over each user's (or each item's) sparse ratings; Kuchaiev & Ginsburg (2017), section 2.

    Attributes:
        encoder: widths of the encoder's layers, each at least 1; the last is the code layer.
        decoder: widths of the decoder's hidden layers; none mirrors the encoder.
        tied: the decoder uses the encoder's weights transposed ("constrained" in the original).
        activation: selu, elu, leaky_relu, relu, relu6, sigmoid, tanh, silu (swish), gelu or identity.
        activation_on_last_layer: apply the activation to the output too.
        dropout: probability of dropping a value of the code layer, 0 to below 1.
        hidden_dropout: the same for all other hidden layers.
        input_dropout: the same for the input ratings (a denoising autoencoder).
        skip: add the output of each encoder layer but the code layer to that of its mirror in the decoder.
        side: "user" (a row is a user's ratings) or "item" (a row is an item's).
        offsets: what is subtracted from the ratings first: "none", "mean", or "bias" (mean, user and item biases).
        item_regularisation: for offsets "bias": pseudo-counts that shrink an item's bias to 0, at least 0.
        user_regularisation: the same for a user's bias.

    Raises:
        ConfigError: a value of the wrong type or out of its range.

    Examples:
        >>> import numpy as np
        >>> from refeed import AutoEncoder, RandomSplit, Ratings, TrainingOptions, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> spec = AutoEncoder(encoder=(8, 4), activation="selu", dropout=0.5)
        >>> train(spec, RandomSplit().apply(ratings), TrainingOptions(epochs=1))
        FittedModel(autoencoder, 30 users x 40 items, 764 trained weights)
    """

    kind: ClassVar[str] = "autoencoder"
    title: ClassVar[str] = "autoencoder"
    uses_training_options: ClassVar[bool] = True

    encoder: tuple[PositiveInt, ...] = (512, 256)
    decoder: tuple[PositiveInt, ...] | None = None
    tied: bool = False
    activation: str = "selu"
    activation_on_last_layer: bool = False
    dropout: Probability = 0.0
    hidden_dropout: Probability = 0.0
    input_dropout: Probability = 0.0
    skip: bool = False
    side: Literal["user", "item"] = "user"
    offsets: OffsetKind = "none"
    item_regularisation: NonNegativeFloat = 10.0
    user_regularisation: NonNegativeFloat = 15.0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "activation", activation_name(self.activation))
        if not self.encoder:
            raise ConfigError("encoder: expected at least one layer width, got none")
        if self.tied and self.decoder not in (None, self.mirrored):
            raise ConfigError(f"decoder: tied weights need the mirrored decoder {list(self.mirrored)} (or leave it out)")
        if self.skip and (len(self.encoder) < 2 or self.decoder not in (None, self.mirrored)):
            raise ConfigError(
                "skip: adds each encoder layer to a decoder layer of its width, so it needs two or more encoder layers and the "
                f"mirrored decoder; got encoder {list(self.encoder)} and decoder {list(self.shape.decoder)}"
            )

    @property
    def mirrored(self) -> tuple[int, ...]:
        """The decoder's hidden widths when it mirrors the encoder."""
        return tuple(reversed(self.encoder[:-1]))

    @property
    def shape(self) -> NetworkShape:
        """The layers of the network."""
        return NetworkShape(
            encoder=self.encoder,
            decoder=self.mirrored if self.decoder is None else self.decoder,
            tied=self.tied,
            activation=self.activation,
            activation_on_last_layer=self.activation_on_last_layer,
            code_dropout=self.dropout,
            hidden_dropout=self.hidden_dropout,
            input_dropout=self.input_dropout,
            skip=self.skip,
        )

    @override
    def summary(self, num_users: int, num_items: int) -> str:
        columns = f"{num_items if self.side == 'user' else num_users:,}"
        layers = [columns, *map(str, self.encoder)]
        if self.dropout:
            layers.append(f"dropout {self.dropout:g}")
        layers += [*map(str, self.shape.decoder), columns]
        notes = [*(["tied"] if self.tied else []), *(["skip connections"] if self.skip else []), self.activation]
        return f"{self.side}-side autoencoder {' > '.join(layers)}, {', '.join(notes)}"

    @override
    def build(self, num_users: int, num_items: int, *, seed: int) -> AutoEncoderModel:
        network = Network(self.shape, num_items if self.side == "user" else num_users, seed=seed)
        offsets = Offsets(self.offsets, num_items, item_damping=self.item_regularisation, user_damping=self.user_regularisation)
        side = UserAutoEncoder if self.side == "user" else ItemAutoEncoder
        return side(network, offsets, num_users, num_items)
