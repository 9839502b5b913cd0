"""The keys of an installation, kept in one folder outside the database, and what is done with them.

Field keys encrypt columns (AES-256-GCM, bound to table, row and column). Sealing keys open what phones
sealed (HPKE, RFC 9180). Each has an id that travels with what it encrypted; the newest encrypts, all open.
"""

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SUITE = hpke.Suite(hpke.KEM.P256, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_FIELD_FORMAT = b"\x01"


class CannotOpen(Exception):
    """The bytes were not sealed for us, were changed, were moved to another place, or their key is gone."""


@dataclass(frozen=True)
class Keyring:
    """All keys of an installation."""

    field: dict[str, AESGCM]
    sealing: dict[str, ec.EllipticCurvePrivateKey]
    vapid: ec.EllipticCurvePrivateKey
    secret: str
    newest_field: str
    newest_sealing: str

    @classmethod
    def open(cls, folder: Path) -> "Keyring":
        """Read the folder; make what is missing (readable by its owner only)."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _alone(folder):
            if not list(folder.glob("field-*.key")):
                _write(folder / f"field-{_new_id()}.key", secrets.token_bytes(32))
            if not list(folder.glob("sealing-*.pem")):
                _write(folder / f"sealing-{_new_id()}.pem", _pem(ec.generate_private_key(ec.SECP256R1())))
            if not (folder / "vapid.pem").exists():
                _write(folder / "vapid.pem", _pem(ec.generate_private_key(ec.SECP256R1())))
            if not (folder / "secret").exists():
                _write(folder / "secret", secrets.token_urlsafe(48).encode())
        field = {_id_of(path): AESGCM(path.read_bytes()) for path in sorted(folder.glob("field-*.key"))}
        sealing = {_id_of(path): _private(path) for path in sorted(folder.glob("sealing-*.pem"))}
        return cls(
            field=field,
            sealing=sealing,
            vapid=_private(folder / "vapid.pem"),
            secret=os.environ.get("SECRET_KEY") or (folder / "secret").read_text(),
            newest_field=max(field),
            newest_sealing=max(sealing),
        )

    def seal_field(self, value: object, *, table: str, row: UUID, column: str) -> bytes:
        """Encrypt a JSON value for one column of one row."""
        nonce = secrets.token_bytes(12)
        kid = self.newest_field.encode()
        sealed = self.field[self.newest_field].encrypt(
            nonce, json.dumps(value).encode(), _place(table, row, column)
        )
        return _FIELD_FORMAT + bytes([len(kid)]) + kid + nonce + sealed

    def open_field(self, sealed: bytes, *, table: str, row: UUID, column: str) -> object:
        """The value that was sealed for exactly this place; raises CannotOpen."""
        try:
            if sealed[:1] != _FIELD_FORMAT:
                raise CannotOpen("unknown format")
            end = 2 + sealed[1]
            key = self.field[sealed[2:end].decode()]
            return json.loads(
                key.decrypt(sealed[end : end + 12], sealed[end + 12 :], _place(table, row, column))
            )
        except (KeyError, IndexError, InvalidTag, UnicodeDecodeError, ValueError) as reason:
            raise CannotOpen(str(reason)) from reason

    def open_sealed(self, sealed: bytes, *, key: str, kind: str, id: str) -> bytes:
        """What a phone sealed for us: ``enc ‖ ciphertext``, bound to the submission's kind and id."""
        if key not in self.sealing:
            raise CannotOpen("unknown key")
        try:
            return SUITE.decrypt(sealed, self.sealing[key], info=sealing_info(kind, id))
        except Exception as reason:  # the library says what went wrong in several classes
            raise CannotOpen("not sealed for this place") from reason

    def public_sealing_key(self) -> dict[str, str]:
        """The key phones seal to, as the enrolment answer carries it."""
        point = _point(self.sealing[self.newest_sealing])
        return {"key": self.newest_sealing, "public": b64(point)}

    def public_vapid_key(self) -> str:
        """The application server key that ``pushManager.subscribe`` wants."""
        return b64(_point(self.vapid))


def sealing_info(kind: str, id: str) -> bytes:
    """The HPKE info of a submission: what it is and which one, so that neither can be swapped."""
    return f"suivi/1 {kind} {id}".encode()


def b64(value: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """Bytes of base64url with or without padding; raises ValueError."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _place(table: str, row: UUID, column: str) -> bytes:
    return f"{table}|{row}|{column}".encode()


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _private(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _new_id() -> str:
    # Sorts by age, so that the newest is the greatest.
    from . import clock

    return f"{clock.now():%Y%m%d%H%M%S%f}{secrets.token_hex(2)}"


def _id_of(path: Path) -> str:
    return path.stem.split("-", 1)[1]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    # Web and worker start at once: one of them makes the keys, the other waits and finds them. Two keyrings
    # in one folder would let each write what the other cannot open.
    with (folder / ".making").open("a") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        yield


def _write(path: Path, content: bytes) -> None:
    # Whole or not at all: a crash in the middle leaves a draft, never half a key.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
