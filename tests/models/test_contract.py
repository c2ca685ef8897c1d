"""Every model keeps the contract."""

from __future__ import annotations

from model_contract import ModelContract
from refeed.models import MODELS, AutoEncoder, Bias


class TestUserSide(ModelContract):
    spec = AutoEncoder(encoder=(8, 4), offsets="bias", dropout=0.2)


class TestUserSideWithoutOffsets(ModelContract):
    spec = AutoEncoder(encoder=(16,), tied=True, activation="identity")


class TestItemSide(ModelContract):
    spec = AutoEncoder(encoder=(8, 4), offsets="bias", side="item")


class TestItemSideWithCurvedOutput(ModelContract):
    spec = AutoEncoder(encoder=(6,), offsets="bias", side="item", activation="selu", activation_on_last_layer=True, dropout=0.1)


class TestBias(ModelContract):
    spec = Bias(item_regularisation=2.0, user_regularisation=2.0)


def test_every_model_is_under_the_contract():
    assert {contract.spec.kind for contract in ModelContract.__subclasses__()} == set(MODELS)
    assert {contract.spec.side for contract in ModelContract.__subclasses__() if hasattr(contract.spec, "side")} == {
        "user",
        "item",
    }
