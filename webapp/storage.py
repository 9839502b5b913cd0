"""Where the bytes of photos live: a folder or an S3-compatible bucket, behind the same few calls.

Everything is stored by content: the key is made of the SHA-256 of the bytes. Storing the same bytes twice is
one object, nothing stored is ever overwritten by something else, and damage shows at reading.
"""

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, S3Store

KEY = re.compile(r"(?P<kind>[a-z][a-z-]{0,30})/(?P<shard>[0-9a-f]{3})/(?P<digest>[0-9a-f]{64})")
UNFINISHED = ".unfinished"
# A write takes seconds. What is still unfinished after a day was left by a process that was killed.
SECONDS_UNTIL_LEFT_OVER = 24 * 3600


class StorageUnavailable(Exception):
    """The storage cannot answer now (disk full, network, bucket refuses). Say "later"; lose nothing."""


class NotInStorage(Exception):
    """There are no whole, undamaged bytes under this key."""


class Storage:
    """Bytes by content. `Storage.open(url)` gives the right one; all are safe to share between threads."""

    def __init__(self, store: "LocalStore | MemoryStore | S3Store") -> None:
        self._store = store

    @staticmethod
    def open(url: str) -> "Storage":
        """The storage behind `file:/a/folder`, `file:relative/folder`, `s3://bucket/prefix` or `memory:`.

        An S3 bucket takes its region, endpoint and credentials from the usual AWS_… variables.
        """
        parts = urlsplit(url)
        if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
            return FolderStorage(Path(unquote(parts.path)))
        if parts.scheme == "s3" and parts.netloc:
            return Storage(_bucket(parts.netloc, parts.path.strip("/")))
        if url == "memory:":
            return Storage(MemoryStore())
        raise ValueError(f"not a storage: {url!r} (expected file:… or s3://bucket/prefix)")

    def put(self, content: bytes, kind: str) -> str:
        """Store the bytes and give their key. At return they are safe; doing it again changes nothing."""
        digest = hashlib.sha256(content).hexdigest()
        key = _checked(f"{kind}/{digest[:3]}/{digest}")
        with _answering(missing=StorageUnavailable):
            self._write(key, content)
        return key

    def get(self, key: str) -> bytes:
        """The bytes, checked against their key; `NotInStorage` when they are missing or damaged."""
        digest = _parts(key)["digest"]
        with _answering(missing=NotInStorage):
            content = bytes(obstore.get(self._store, key).bytes())
        if hashlib.sha256(content).hexdigest() != digest:
            raise NotInStorage(key)
        return content

    def exists(self, key: str) -> bool:
        try:
            with _answering(missing=NotInStorage):
                obstore.head(self._store, _checked(key))
        except NotInStorage:
            return False
        return True

    def delete(self, key: str) -> None:
        """Remove the bytes; removing what is not there is fine.

        Equal photos share one key: the caller makes sure that no other record still names it.
        """
        try:
            with _answering(missing=NotInStorage):
                obstore.delete(self._store, _checked(key))
        except NotInStorage:
            pass

    def keys(self) -> Iterator[str]:
        """Every key that is stored, in no particular order."""
        with _answering(missing=StorageUnavailable):
            for page in obstore.list(self._store):
                yield from (entry["path"] for entry in page if KEY.fullmatch(entry["path"]))

    def _write(self, key: str, content: bytes) -> None:
        # An object store shows an object whole or not at all, and answers after it is safe.
        obstore.put(self._store, key, content)


class FolderStorage(Storage):
    """Bytes in a local folder. Reading goes through obstore; writing is our own.

    obstore renames a finished file into place but never calls fsync, so after a power cut a photo that was
    already acknowledged could be empty. Here the file, and the folders on the way to it, are on the disk
    before `put` returns.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        with _answering(missing=StorageUnavailable):
            self._unfinished = self._folder / UNFINISHED
            self._unfinished.mkdir(parents=True, exist_ok=True)
            super().__init__(LocalStore(self._folder))
            self._clear_left_overs()

    def _write(self, key: str, content: bytes) -> None:
        path = self._folder / key
        if not _is_whole(path, content):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._write_and_rename(path, content)
        # Also when another writer was quicker: its rename may not be on the disk yet, which is promised here.
        for folder in (path.parent, path.parent.parent, self._folder):
            _sync_folder(folder)

    def _write_and_rename(self, path: Path, content: bytes) -> None:
        with tempfile.NamedTemporaryFile(dir=self._unfinished, prefix=path.name[:12], delete=False) as file:
            try:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise

    def _clear_left_overs(self) -> None:
        for path in self._unfinished.iterdir():
            try:
                if time.time() - path.stat().st_mtime > SECONDS_UNTIL_LEFT_OVER:
                    path.unlink()
            except FileNotFoundError:
                # Another process is clearing too.
                continue


def _bucket(bucket: str, prefix: str) -> S3Store:
    settings: dict[str, Any] = {"prefix": prefix} if prefix else {}
    return S3Store(
        bucket,
        **settings,
        # Somebody is waiting with a phone in the hand: rather "later" soon than an answer after minutes.
        client_options={
            "connect_timeout": "3s",
            "timeout": "10s",
            # Options given here replace what obstore reads from the environment, so this one is handed on.
            "allow_http": os.environ.get("AWS_ALLOW_HTTP", "").lower() in ("1", "true"),
        },
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=15)},
    )


@contextmanager
def _answering(missing: type[Exception]) -> Iterator[None]:
    """Turns whatever the disk or the bucket says into this module's two answers."""
    try:
        yield
    except FileNotFoundError as fault:
        raise missing(str(fault)) from fault
    except (OSError, BaseError) as fault:
        raise StorageUnavailable(str(fault)) from fault


def _parts(key: str) -> re.Match[str]:
    parts = KEY.fullmatch(key)
    if not parts or not parts["digest"].startswith(parts["shard"]):
        raise ValueError(f"not a key of the storage: {key!r}")
    return parts


def _checked(key: str) -> str:
    return _parts(key).string


def _is_whole(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
