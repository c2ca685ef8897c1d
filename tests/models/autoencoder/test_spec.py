"""The description of a deep autoencoder refuses what makes no network."""

from __future__ import annotations

import math

import pytest

from refeed.errors import ConfigError
from refeed.models import AutoEncoder
from refeed.models.autoencoder.item_side import ItemAutoEncoder
from refeed.models.autoencoder.user_side import UserAutoEncoder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoder": ()}, "encoder: expected at least one layer width, got none"),
        ({"encoder": (8, 0)}, "encoder: expected at least 1, got 0"),
        ({"decoder": (4, -1)}, "decoder: expected at least 1, got -1"),
        ({"encoder": (8, 2.5)}, "encoder: expected a whole number, got 2.5"),
        ({"activation": "sellu"}, "did you mean 'selu'"),
        ({"dropout": 1.0}, "dropout: expected 0 to below 1, got 1.0"),
        ({"hidden_dropout": -0.1}, "hidden_dropout: expected 0 to below 1"),
        ({"input_dropout": math.nan}, "input_dropout: expected 0 to below 1, got nan"),
        ({"encoder": (8, 4), "tied": True, "decoder": (5,)}, r"tied weights need the mirrored decoder \[8\]"),
        ({"side": "items"}, "side: 'items' is not a choice; did you mean 'item'"),
        ({"offsets": "biases"}, "offsets: 'biases' is not a choice; did you mean 'bias'"),
        ({"item_regularisation": -1}, "item_regularisation: expected at least 0, got -1"),
        ({"user_regularisation": math.nan}, "user_regularisation: expected at least 0, got nan"),
        ({"tied": "yes"}, "tied: expected true or false, got 'yes'"),
        ({"encoder": (8,), "skip": True}, r"skip: .*needs two or more encoder layers.*got encoder \[8\] and decoder \[\]"),
        (
            {"encoder": (8, 4), "decoder": (5,), "skip": True},
            r"and the mirrored decoder; got encoder \[8, 4\] and decoder \[5\]",
        ),
    ],
)
def test_setting_out_of_its_range_is_refused_by_name(options, message):
    with pytest.raises(ConfigError, match=message):
        AutoEncoder(**options)


def test_lists_and_aliases_are_taken_as_what_they_mean():
    assert AutoEncoder(encoder=[8, 4], activation="swish", dropout=0) == AutoEncoder(encoder=(8, 4), activation="silu")


def test_decoder_mirrors_the_encoder_unless_given():
    assert AutoEncoder(encoder=(8, 4, 2)).shape.decoder == (4, 8)
    assert AutoEncoder(encoder=(8, 4, 2), decoder=()).shape.decoder == ()
    assert AutoEncoder(encoder=(8, 4), decoder=(8,), tied=True).shape.decoder == (8,)


@pytest.mark.parametrize(("side", "model_class", "columns"), [("user", UserAutoEncoder, 5), ("item", ItemAutoEncoder, 7)])
def test_side_decides_what_the_columns_are(side, model_class, columns):
    model = AutoEncoder(encoder=(3,), side=side).build(7, 5, seed=0)
    assert isinstance(model, model_class)
    assert (model.network.num_columns, model.num_users, model.num_items) == (columns, 7, 5)
    assert model.device.type == "cpu"


def test_summary_names_what_is_not_usual():
    assert AutoEncoder(encoder=(8, 4)).summary(7, 5) == "user-side autoencoder 5 > 8 > 4 > 8 > 5, selu"
    unusual = AutoEncoder(encoder=(8, 4), tied=True, skip=True, dropout=0.5, side="item")
    assert unusual.summary(7, 5) == "item-side autoencoder 7 > 8 > 4 > dropout 0.5 > 8 > 7, tied, skip connections, selu"
