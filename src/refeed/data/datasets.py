"""Public data sets: found on this machine, or downloaded from their publisher and verified."""

from __future__ import annotations

import hashlib
import http.client
import os
import sys
import threading
import time
import urllib.request
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from queue import Empty, SimpleQueue

from refeed.errors import DataError
from refeed.storage import atomic_folder

GROUPLENS = "https://files.grouplens.org/datasets/movielens"
LARGEST_BYTES = 64 * 2**20

FILE_HASHES: Mapping[str, Mapping[str, str]] = {
    "ml-latest-small": {
        "README.txt": "e165937702ae1fac9237b6bd377f03d027f7ef97175d4a04a203e8b12d5516ea",
        "links.csv": "97ad18e4e56a09363c65676b6cb3482ce3e2cea2372a24620c1599c843325f31",
        "movies.csv": "5a5f32dd9bb3797b8e728a1b98958789d2b13f294a69fdfbc5727f8a9611aa07",
        "ratings.csv": "aa289ca83157595d0df6aea1be6a4ded676ddc4385472e8313a8ed9805352646",
        "tags.csv": "92a9f8bb7916dceef6151209845788c3643f794dfa79d1feaec7121b5960399d",
    },
    "ml-100k": {
        "README": "4883b8cf340ed0059971b33f56ad3adc88a40792108ebca3d24aafc4c82e8b52",
        "u.data": "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490",
        "u.genre": "9757e0d3e6b298159a80dd48eaf938114690e911e39af97a76949ef1663610bb",
        "u.info": "5b0a40b2e47a729ee6203063f6dcf8790c2e63f5a18663e6ee318a72c5f3c27b",
        "u.item": "553841ebc7de3a0fd0d6b62a204ea30c1e651aacfb2814c7a6584ac52f2c5701",
        "u.occupation": "cd5fbec9afe345d993a62fc7817df1a4a9079c4feb267b3118763b8fd942137d",
        "u.user": "f120e114da2e8cf314fd28f99417c94ae9ddf1cb6db8ce0e4b5995d40e90e62c",
        "u1.base": "ce253ec86c448b44fb3ba9a30d12dcfc2e9210cbde71efada3730c22e9ac212a",
        "u1.test": "18c6014a4b2c7324f250a63f8904a7b16b2b19f911129e346141507b0cbac950",
    },
}
"""SHA-256 of the files of each data set that can be downloaded; other files of the publisher's archive are not kept."""


def find_dataset(name: str, *, data_folder: str | Path | None = None) -> Path | None:
    """The folder of a data set on this machine, or None.

    Looks in `data_folder`, or where None in the folder that the environment variable REFEED_DATA names, and then in the cache.
    """
    return next((folder / name for folder in _folders(data_folder) if (folder / name).is_dir()), None)


def known_datasets() -> list[str]:
    """Names of the data sets on this machine and of those that can be downloaded, sorted."""
    local = {path.name for folder in _folders() if folder.is_dir() for path in folder.iterdir() if path.is_dir()}
    return sorted(local | FILE_HASHES.keys())


def _folders(data_folder: str | Path | None = None) -> list[Path]:
    """The folders that are searched for data sets, in order."""
    chosen = data_folder or os.environ.get("REFEED_DATA")
    return [*([Path(chosen)] if chosen else []), cache_folder()]


def cache_folder() -> Path:
    """The user's cache folder of refeed by the conventions of the operating system; it need not exist."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "refeed"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "refeed"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "refeed"


def fetch_dataset(name: str, *, timeout: float = 5.0, total: float = 120.0, base_url: str = GROUPLENS) -> Path:
    """Download a data set from its publisher into the cache, and verify the hash of each file.

    Args:
        name: one of FILE_HASHES.
        timeout: longest wait for the first answer and for each further chunk, seconds.
        total: longest time of the whole download, seconds.
        base_url: address of the folder of `name`.zip.

    Returns:
        the data set's folder in the cache.

    Raises:
        DataError: an unknown name, no answer in time, or a file with another hash.
        StorageError: the cache cannot be written.
    """
    if name not in FILE_HASHES:
        raise DataError(f"data set '{name}' cannot be downloaded; those that can are {', '.join(FILE_HASHES)}")
    url = f"{base_url}/{name}.zip"
    files = _unzip(_download(url, timeout=timeout, total=total), name, url)
    folder = cache_folder() / name
    with atomic_folder(folder, overwrite=True) as written:
        for file_name, content in files.items():
            (written / file_name).write_bytes(content)
    return folder


def _download(url: str, *, timeout: float, total: float) -> bytes:
    """The bytes at `url`.

    Another thread receives them, because looking up the name of a host has no time limit.
    """
    arrivals: SimpleQueue[bytes | Exception] = SimpleQueue()
    cancelled = threading.Event()
    threading.Thread(target=_receive, args=(url, timeout, arrivals, cancelled), daemon=True).start()
    content, end = bytearray(), time.monotonic() + total
    try:
        while True:
            arrived = arrivals.get(timeout=max(0.0, min(timeout, end - time.monotonic())))
            if isinstance(arrived, Exception):
                raise _unreachable(url, str(arrived)) from arrived
            if not arrived:
                return bytes(content)
            content += arrived
            if len(content) > LARGEST_BYTES:
                raise DataError(f"longer than {LARGEST_BYTES:,} bytes, so it is not the data set", path=url)
    except Empty:
        out_of_time = time.monotonic() >= end
        raise _unreachable(
            url, f"not complete after {total:g} s" if out_of_time else f"no answer within {timeout:g} s"
        ) from None
    finally:
        cancelled.set()


def _receive(url: str, timeout: float, arrivals: SimpleQueue[bytes | Exception], cancelled: threading.Event) -> None:
    """Put the bytes at `url` into `arrivals` in chunks, the last one empty; or the exception that ended the download."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response:
            while not cancelled.is_set():
                chunk = response.read1(1 << 16)
                arrivals.put(chunk)
                if not chunk:
                    return
    except (OSError, http.client.HTTPException) as error:
        arrivals.put(error)


def _unreachable(url: str, reason: str) -> DataError:
    return DataError(
        f"cannot be downloaded ({reason})",
        path=url,
        fix="Check the network, or download it elsewhere and set REFEED_DATA to the folder that holds the unpacked folder.",
    )


def _unzip(archive: bytes, name: str, url: str) -> dict[str, bytes]:
    """The known files of a data set by name; nothing else of the archive is read, so that its paths are harmless."""
    files = {}
    try:
        with zipfile.ZipFile(BytesIO(archive)) as members:
            for file_name, expected in FILE_HASHES[name].items():
                content = _member(members, f"{name}/{file_name}", url)
                if hashlib.sha256(content).hexdigest() != expected:
                    raise DataError(
                        f"{file_name} is not the file that refeed knows (its SHA-256 differs); it was changed or damaged",
                        path=url,
                        fix="Try again; if it stays so, unpack it yourself and set REFEED_DATA to the folder that holds it.",
                    )
                files[file_name] = content
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise DataError(f"not a whole zip archive ({error})", path=url, fix="Try again later.") from error
    return files


def _member(members: zipfile.ZipFile, member_name: str, url: str) -> bytes:
    try:
        member = members.getinfo(member_name)
    except KeyError:
        raise DataError(f"the archive holds no {member_name}", path=url) from None
    if member.file_size > LARGEST_BYTES:
        raise DataError(f"{member_name} is longer than {LARGEST_BYTES:,} bytes, so it is not the data set", path=url)
    return members.read(member)
