"""The ten best items for every user, in one Parquet file, for a database or a web page to serve.

python examples/05_recommend_everyone.py [RATINGS]
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow.parquet as pq
from ratings_at_hand import ratings_at_hand

import refeed

split = refeed.RandomSplit().apply(ratings_at_hand())
model = refeed.train(refeed.SvdPlusPlus(factors=20), split)

path = Path(tempfile.mkdtemp()) / "top.parquet"
refeed.recommend_all(model, path, k=10)

table = pq.read_table(path)
print(f"{table.num_rows:,} recommendations for {len(table['user'].unique()):,} users in {path.stat().st_size / 1024:,.0f} KiB")
print(table.slice(0, 3).to_pylist())
