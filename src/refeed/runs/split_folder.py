"""A split on disk, so that processes share a single copy of it in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from refeed.data.splits.base import Split
from refeed.data.splits.registry import split_from_dict, split_to_dict
from refeed.data.store.store import HEADER, open_store, write_store
from refeed.storage import atomic_file

PARTS = ("train", "valid", "test")
DESCRIPTION = "split.json"


@dataclass(frozen=True)
class SplitFolder:
    """A split on disk, memory-mapped by all workers.

    Attributes:
        path: the folder.
    """

    path: Path

    def write(self, split: Split) -> None:
        """Write the three sets, unless they exist.

        Raises:
            StorageError: they cannot be written.
        """
        for name in PARTS:
            part: Any = getattr(split, name)
            if not (self.path / name / HEADER).is_file():
                write_store(part, self.path / name)
        described = {"splitter": split_to_dict(split.splitter), "source": split.source_fingerprint}
        with atomic_file(self.path / DESCRIPTION, overwrite=True) as file:
            file.write_text(json.dumps(described), encoding="utf-8")

    def open(self) -> Split:
        """Return the split, without its counts of what was left out and without its notes."""
        described = json.loads((self.path / DESCRIPTION).read_text(encoding="utf-8"))
        train_part, valid, test = (open_store(self.path / name) for name in PARTS)
        return Split(
            train=train_part,
            valid=valid,
            test=test,
            splitter=split_from_dict(described["splitter"]),
            cold={},
            left_out={},
            notes=(),
            source_fingerprint=described["source"],
        )
