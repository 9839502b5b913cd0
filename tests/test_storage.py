"""Photos in a folder or a bucket: stored by content, whole or not at all, and safe when `put` returns."""

import errno
import hashlib
import os
import re
import resource
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from webapp.storage import FolderStorage, NotInStorage, Storage, StorageUnavailable


class Bucket:
    """A bucket kept in memory behind the few S3 requests that the storage makes, on a loopback port."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.status_for_everything: int | None = None
        bucket = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # One packet for each answer: several small ones wait for one another.
            wbufsize = -1

            def handle_request(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, answer = bucket.answer(self.command, self.path, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.send_header("ETag", '"x"')
                self.send_header("Last-Modified", "Thu, 01 Oct 2026 10:00:00 GMT")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer)

            def __getattr__(self, name: str) -> object:
                # The server calls do_GET, do_PUT and so on.
                if name.startswith("do_"):
                    return self.handle_request
                raise AttributeError(name)

            def log_message(self, *_args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        if self.status_for_everything:
            return self.status_for_everything, b""
        key = unquote(urlsplit(path).path).removeprefix("/photos").lstrip("/")
        asked = parse_qs(urlsplit(path).query, keep_blank_values=True)
        if method == "PUT":
            self.objects[key] = body
            return 200, b""
        if method == "POST" and "delete" in asked:
            named = re.findall("<Key>([^<]+)</Key>", body.decode())
            for name in named:
                self.objects.pop(name, None)
            deleted = "".join(f"<Deleted><Key>{name}</Key></Deleted>" for name in named)
            return 200, f"<DeleteResult>{deleted}</DeleteResult>".encode()
        if method == "DELETE":
            self.objects.pop(key, None)
            return 204, b""
        if "list-type" in asked:
            prefix = asked.get("prefix", [""])[0]
            found = "".join(
                f"<Contents><Key>{name}</Key><LastModified>2026-10-01T10:00:00.000Z</LastModified>"
                f"<Size>{len(content)}</Size></Contents>"
                for name, content in sorted(self.objects.items())
                if name.startswith(prefix)
            )
            return 200, f"<ListBucketResult>{found}</ListBucketResult>".encode()
        if key in self.objects:
            return 200, self.objects[key]
        return 404, b"<Error><Code>NoSuchKey</Code></Error>"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def bucket(monkeypatch):
    made = Bucket()
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.address)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    yield made
    made.close()


@pytest.fixture(params=["folder", "bucket", "memory"])
def storage(request, tmp_path):
    if request.param == "folder":
        return Storage.open(f"file:{tmp_path}/photos")
    if request.param == "bucket":
        request.getfixturevalue("bucket")
        return Storage.open("s3://photos/office/conakry")
    return Storage.open("memory:")


def test_what_is_put_comes_back_under_a_key_made_of_its_content(storage):
    key = storage.put(b"a photo", "photo")
    digest = hashlib.sha256(b"a photo").hexdigest()
    assert key == f"photo/{digest[:3]}/{digest}"
    assert storage.get(key) == b"a photo"
    assert storage.exists(key)
    assert list(storage.keys()) == [key]


def test_the_same_bytes_put_twice_are_one_object(storage):
    assert storage.put(b"a photo", "photo") == storage.put(b"a photo", "photo")
    assert len(list(storage.keys())) == 1
    assert storage.put(b"a photo", "thumb") != storage.put(b"a photo", "photo")


def test_what_is_deleted_is_gone_and_deleting_again_is_fine(storage):
    key, kept = storage.put(b"a photo", "photo"), storage.put(b"another", "photo")
    storage.delete(key)
    storage.delete(key)
    assert not storage.exists(key)
    with pytest.raises(NotInStorage):
        storage.get(key)
    assert list(storage.keys()) == [kept]


@pytest.mark.parametrize("key", ["../../secret", "photo/abc/def", "/etc/passwd", "", "photo/000/" + "f" * 64])
def test_a_key_that_the_storage_did_not_make_is_refused(storage, key):
    for deed in (storage.get, storage.exists, storage.delete):
        with pytest.raises(ValueError, match="not a key"):
            deed(key)


@pytest.mark.parametrize("kind", ["../up", "", "Photo", "a/b"])
def test_a_kind_is_a_simple_word(storage, kind):
    with pytest.raises(ValueError, match="not a key"):
        storage.put(b"a photo", kind)


@pytest.mark.parametrize("url", ["", "http://host/x", "s3://", "file:", "file://host/x", "ftp:x"])
def test_an_address_that_names_no_storage_is_refused(url):
    with pytest.raises(ValueError, match="not a storage"):
        Storage.open(url)


def test_a_folder_may_be_named_relative_with_spaces_or_percent_signs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    key = Storage.open("file:var/my%20photos").put(b"a photo", "photo")
    assert (tmp_path / "var" / "my photos" / key).read_bytes() == b"a photo"


def test_eight_threads_putting_the_same_and_other_bytes_all_succeed(storage):
    contents = [b"photo %d" % (n % 12) for n in range(96)]
    with ThreadPoolExecutor(8) as threads:
        keys = list(threads.map(lambda content: storage.put(content, "photo"), contents))
    assert [storage.get(key) for key in keys] == contents
    assert len(set(storage.keys())) == 12


def test_damaged_bytes_are_never_given_out_and_putting_them_again_repairs(tmp_path):
    storage = Storage.open(f"file:{tmp_path}")
    key = storage.put(b"a photo", "photo")
    (tmp_path / key).write_bytes(b"a phot0")
    with pytest.raises(NotInStorage):
        storage.get(key)
    assert storage.put(b"a photo", "photo") == key
    assert storage.get(key) == b"a photo"


def test_a_full_disk_is_unavailable_and_leaves_no_half_file(tmp_path):
    storage = Storage.open(f"file:{tmp_path}")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(StorageUnavailable):
            storage.put(b"x" * 5000, "photo")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert storage.get(storage.put(b"x" * 5000, "photo")) == b"x" * 5000


def test_a_disk_that_fails_at_fsync_is_unavailable(tmp_path, monkeypatch):
    storage = Storage.open(f"file:{tmp_path}")

    def failing(_descriptor):
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(StorageUnavailable):
        storage.put(b"a photo", "photo")
    assert list(storage.keys()) == []


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageUnavailable):
        Storage.open(f"file:{tmp_path}/file/photos")


@pytest.mark.parametrize("status", [403, 500, 503])
def test_a_bucket_that_refuses_or_fails_is_unavailable(bucket, status):
    storage = Storage.open("s3://photos/office")
    key = storage.put(b"a photo", "photo")
    bucket.status_for_everything = status
    for deed in (lambda: storage.put(b"b", "photo"), lambda: storage.get(key), lambda: storage.exists(key)):
        with pytest.raises(StorageUnavailable):
            deed()
    bucket.status_for_everything = None
    assert storage.get(key) == b"a photo"


def test_a_bucket_nobody_answers_for_is_unavailable(bucket):
    storage = Storage.open("s3://photos")
    bucket.close()
    with pytest.raises(StorageUnavailable):
        storage.put(b"a photo", "photo")


class RenamesBeforeItIsOnTheDisk(FolderStorage):
    """A planted fault: the file is shown under its name before its bytes are safe."""

    def _write_and_rename(self, path, content):
        temporary = self._unfinished / "x"
        temporary.write_bytes(content)
        temporary.replace(path)


class ForgetsTheFolders(FolderStorage):
    """A planted fault: the file is safe, its name is not."""

    def _write(self, key, content):
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        self._write_and_rename(path, content)


def is_safe_at_return(storage, root, monkeypatch):
    """Whether file, then name, then every folder on the way had reached the disk, in this order."""
    happened = []
    fsync, replace = os.fsync, Path.replace

    def noting_fsync(descriptor):
        happened.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    def noting_replace(source, target):
        happened.append(f"{source} → {target}")
        return replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", noting_fsync)
        patched.setattr(Path, "replace", noting_replace)
        key = storage.put(b"a photo", "photo")
    renames = [n for n, step in enumerate(happened) if step.endswith(f"→ {root / key}")]
    if len(renames) != 1:
        return False
    source = happened[renames[0]].split(" → ")[0]
    folders = {str((root / key).parent), str((root / key).parent.parent), str(root)}
    return source in happened[: renames[0]] and folders <= set(happened[renames[0] :])


@pytest.mark.skipif(sys.platform != "linux", reason="reads the names of open files from /proc")
def test_a_put_has_reached_the_disk_when_it_returns(tmp_path, monkeypatch):
    assert is_safe_at_return(FolderStorage(tmp_path / "ours"), tmp_path / "ours", monkeypatch)
    for faulty in (RenamesBeforeItIsOnTheDisk, ForgetsTheFolders):
        root = tmp_path / faulty.__name__
        assert not is_safe_at_return(faulty(root), root, monkeypatch)


WRITER = """
import os, pathlib, sys
sys.path.insert(0, sys.argv[2])
from webapp.storage import FolderStorage

class WritesInPlace(FolderStorage):
    def _write_and_rename(self, path, content):
        with open(path, "wb", buffering=0) as file:
            for start in range(0, len(content), 4096):
                file.write(content[start : start + 4096])
                os.fsync(file.fileno())

storage = (WritesInPlace if sys.argv[3] == "in place" else FolderStorage)(pathlib.Path(sys.argv[1]))
print("ready", flush=True)
while True:
    storage.put(os.urandom(3_000_000), "photo")
"""


def damaged_after_kills(root, way, kills):
    """How many photos under the folder are not what their names say, after so many writers were killed."""
    for kill in range(kills):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(root), str(Path(__file__).parent.parent), way],
            stdout=subprocess.PIPE,
        )
        writer.stdout.readline()
        with suppress(subprocess.TimeoutExpired):
            writer.wait(timeout=0.05 + 0.013 * kill)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
    storage = Storage.open(f"file:{root}")
    damaged = 0
    for key in list(storage.keys()):
        try:
            storage.get(key)
        except NotInStorage:
            damaged += 1
    return damaged


def test_a_writer_killed_at_any_moment_leaves_no_half_photo(tmp_path):
    assert damaged_after_kills(tmp_path / "ours", "ours", kills=8) == 0
    # The planted fault spends nearly all its time inside a file, so that a kill finds it there.
    assert damaged_after_kills(tmp_path / "faulty", "in place", kills=3) > 0


def test_left_overs_of_killed_writers_are_cleared_after_a_day(tmp_path):
    storage = FolderStorage(tmp_path)
    old, new = tmp_path / ".unfinished" / "old", tmp_path / ".unfinished" / "new"
    old.write_bytes(b"half")
    new.write_bytes(b"half")
    os.utime(old, (0, 0))
    FolderStorage(tmp_path)
    assert not old.exists()
    assert new.exists()
    assert list(storage.keys()) == []
