"""Finding and fetching public data sets, against a server on this machine."""

from __future__ import annotations

import hashlib
import io
import socket
import sys
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from refeed.data import datasets as module
from refeed.data.datasets import FILE_HASHES, cache_folder, fetch_dataset, find_dataset
from refeed.errors import DataError

FILES = {"ratings.csv": b"userId,movieId,rating\n1,2,3\n", "README.txt": b"terms"}


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as members:
        for name, content in files.items():
            members.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def tiny(monkeypatch, tmp_path):
    """A data set "tiny" with known hashes, and a cache of its own."""
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    monkeypatch.setattr(module, "FILE_HASHES", {"tiny": hashes})
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("REFEED_DATA", raising=False)


@pytest.fixture
def serve():
    """Start a server whose every answer is `content` (drip by drip on request); its address."""
    servers = []

    def start(content: bytes, *, status: int = 200, drip_seconds: float = 0) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.end_headers()
                if not drip_seconds:
                    self.wfile.write(content)
                while drip_seconds:
                    try:
                        self.wfile.write(b"x")
                    except OSError:
                        return
                    time.sleep(drip_seconds)

            def log_message(self, *args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_fetched_files_lie_in_the_cache_and_are_found(serve, tmp_path):
    url = serve(archive({f"tiny/{name}": content for name, content in FILES.items()} | {"../evil": b"x", "tiny/more": b"y"}))
    folder = fetch_dataset("tiny", base_url=url)
    assert folder == tmp_path / "cache" / "refeed" / "tiny" == find_dataset("tiny")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]
    assert fetch_dataset("tiny", base_url=url) == folder


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a zip", "tiny.zip: not a whole zip archive"),
        (archive({"tiny/ratings.csv": FILES["ratings.csv"]}), "the archive holds no tiny/README.txt"),
        (
            archive({"tiny/ratings.csv": b"changed", "tiny/README.txt": b"terms"}),
            "ratings.csv is not the file that refeed knows",
        ),
        (archive({"tiny/ratings.csv": FILES["ratings.csv"]})[:-30], "not a whole zip archive"),
    ],
)
def test_archive_that_is_not_the_known_one_is_refused(serve, tmp_path, content, message):
    with pytest.raises(DataError) as caught:
        fetch_dataset("tiny", base_url=serve(content))
    assert message in str(caught.value)
    assert not (tmp_path / "cache").exists()


def test_archive_or_member_beyond_the_limit_is_refused(serve, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_BYTES", 1_000)
    with pytest.raises(DataError, match="longer than 1,000 bytes, so it is not the data set"):
        fetch_dataset("tiny", base_url=serve(bytes(2_000)))
    with pytest.raises(DataError, match=r"tiny/ratings\.csv is longer than 1,000 bytes"):
        fetch_dataset("tiny", base_url=serve(archive({"tiny/ratings.csv": bytes(5_000)})))


def test_server_without_the_file_is_named(serve):
    with pytest.raises(DataError, match=r"tiny\.zip: cannot be downloaded \(HTTP Error 404: Not Found\)\n  Check the network"):
        fetch_dataset("tiny", base_url=serve(b"", status=404))


def test_no_server_is_named():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(DataError, match=r"cannot be downloaded .*refused"):
        fetch_dataset("tiny", base_url=f"http://127.0.0.1:{port}")


def test_server_that_never_answers_is_given_up_in_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begin = time.monotonic()
        with pytest.raises(DataError, match=r"cannot be downloaded \((no answer within 0\.2 s|timed out)\)"):
            fetch_dataset("tiny", base_url=f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2)
        assert time.monotonic() - begin < 1.5


def test_name_that_is_never_resolved_is_given_up_in_time(monkeypatch):
    finished = threading.Event()

    def resolve_for_ever(url, timeout):
        finished.wait()
        raise OSError("never resolved")

    monkeypatch.setattr(module.urllib.request, "urlopen", resolve_for_ever)
    begin = time.monotonic()
    with pytest.raises(DataError, match=r"no answer within 0\.1 s"):
        fetch_dataset("tiny", base_url="http://unresolved.invalid", timeout=0.1)
    assert time.monotonic() - begin < 0.8
    finished.set()


def test_server_that_drips_is_given_up_after_the_total_time(serve):
    begin = time.monotonic()
    with pytest.raises(DataError, match=r"not complete after 0\.3 s"):
        fetch_dataset("tiny", base_url=serve(b"", drip_seconds=0.05), timeout=0.2, total=0.3)
    assert time.monotonic() - begin < 1.5


def test_unknown_data_set_names_those_there_are():
    with pytest.raises(DataError, match="data set 'ml-1m' cannot be downloaded; those that can are tiny"):
        fetch_dataset("ml-1m")


def test_folder_given_goes_before_the_environment_and_that_before_the_cache(tmp_path, monkeypatch):
    given, named = tmp_path / "given", tmp_path / "named"
    for folder in (given, named, cache_folder()):
        (folder / "tiny").mkdir(parents=True)
    assert find_dataset("tiny") == cache_folder() / "tiny"
    monkeypatch.setenv("REFEED_DATA", str(named))
    assert find_dataset("tiny") == named / "tiny"
    assert find_dataset("tiny", data_folder=given) == given / "tiny"
    assert find_dataset("absent", data_folder=given) is None


def test_cache_lies_where_the_system_has_it(monkeypatch, tmp_path):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache_folder() == tmp_path / ".cache" / "refeed"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder() == tmp_path / "Library" / "Caches" / "refeed"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    assert cache_folder() == tmp_path / "AppData" / "Local" / "refeed"
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert cache_folder() == tmp_path / "local" / "refeed"


@pytest.mark.parametrize("name", sorted(FILE_HASHES))
def test_known_hashes_are_those_of_the_published_files(datasets, name):
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (datasets / name).iterdir()}
    assert found == dict(FILE_HASHES[name])
