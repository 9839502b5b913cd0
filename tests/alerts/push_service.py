"""A push service on loopback, and what a browser does with what arrives there.

The body is opened by our own reading of RFC 8291 and RFC 8188, on ``cryptography`` alone: it shares no code with
the library that made it.
"""

import base64
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _hmac(key: bytes, content: bytes) -> bytes:
    mac = hmac.HMAC(key, hashes.SHA256())
    mac.update(content)
    return mac.finalize()


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


class Browser:
    """A subscription with its private half."""

    def __init__(
        self, endpoint: str, key: ec.EllipticCurvePrivateKey | None = None, auth: bytes = b""
    ) -> None:
        self.endpoint = endpoint
        self._key = key or ec.generate_private_key(ec.SECP256R1())
        self._auth = auth or os.urandom(16)

    @property
    def subscription(self) -> dict[str, Any]:
        keys = {"p256dh": b64(_point(self._key.public_key())), "auth": b64(self._auth)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}

    def opens(self, body: bytes) -> bytes:
        """Open an aes128gcm body of one record."""
        salt, record_size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        server_point, sealed = body[21 : 21 + length], body[21 + length :]
        assert record_size >= 18
        assert len(body) <= 4096
        server_key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), server_point)
        shared = self._key.exchange(ec.ECDH(), server_key)
        info = b"WebPush: info\0" + _point(self._key.public_key()) + server_point
        ikm = _hmac(_hmac(self._auth, shared), info + b"\x01")
        prk = _hmac(salt, ikm)
        key = _hmac(prk, b"Content-Encoding: aes128gcm\0\x01")[:16]
        nonce = _hmac(prk, b"Content-Encoding: nonce\0\x01")[:12]
        plain = AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0")
        assert plain[-1:] == b"\x02", "the last record ends with its delimiter"
        return plain[:-1]

    def reads(self, arrived: "Arrived") -> Any:
        return json.loads(self.opens(arrived.body))


@dataclass
class Arrived:
    """One request that reached the service."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def claims(self) -> Any:
        """What the VAPID signature says, after checking it against the key it names."""
        scheme, _, parameters = self.headers["authorization"].partition(" ")
        assert scheme == "vapid"
        said = dict(part.strip().split("=", 1) for part in parameters.split(","))
        signed, _, signature = said["t"].rpartition(".")
        raw = unb64(signature)
        number = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unb64(said["k"]))
        key.verify(number, signed.encode(), ec.ECDSA(hashes.SHA256()))
        header, claims = (json.loads(unb64(part)) for part in signed.split("."))
        assert header["alg"] == "ES256"
        return {**claims, "key": said["k"]}


@dataclass
class PushService:
    """Answers every POST as told, and remembers all of them."""

    host: str = ""
    status: int = 201
    headers: dict[str, str] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)
    arrived: list[Arrived] = field(default_factory=list)
    before_answering: Callable[[], None] = lambda: None

    def address(self, path: str = "/push/one") -> str:
        return f"http://{self.host}{path}"


@contextmanager
def push_service() -> Iterator[PushService]:
    service = PushService()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            service.arrived.append(Arrived(self.path, headers, body))
            service.before_answering()
            self.send_response(service.answers.get(self.path, service.status))
            for name, value in service.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_PUT = do_POST  # noqa: N815 - the names the standard library asks for

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
