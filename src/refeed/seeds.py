"""Seeds as a function of a purpose."""

from __future__ import annotations

import hashlib
import json


def derive_seed(seed: int, *parts: int | str) -> int:
    """A seed of its own, 0 to 2**63 - 1, for the purpose that `parts` name; 5 and "5" are different parts.

    The same on every machine and in every process, so that each generator of a job follows from the job's one seed.
    """
    digest = hashlib.blake2b(json.dumps([seed, *parts]).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
