"""The model of SVD++."""

from __future__ import annotations

from typing_extensions import override

from refeed.models.svd_plus_plus.item_side import ItemSide
from refeed.models.svd_plus_plus.scorer import SvdPlusPlusScorer


class SvdPlusPlusModel(ItemSide):
    """SVD++ over its items' side; see `SvdPlusPlus`."""

    @override
    def scorer(self) -> SvdPlusPlusScorer:
        return SvdPlusPlusScorer(self)
