"""A phone in Python: it freezes and seals work as the app does, delivers it, and believes only matching receipts."""

import hashlib
import http.client
import json
import random
import secrets
import struct
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric import ec
from PIL import Image

from webapp.keys import SUITE, b64, sealing_info, unb64

PART = 32_768
BATCH = 100
WHO_5 = ("cheerful", "calm", "active", "rested", "interested")
SETTLED = {"accepted", "needs attention", "contested", "quarantined"}
"""Outcomes after which a phone sends no more."""


class Cut(Exception):
    """The connection broke before a whole answer was here."""


@dataclass(frozen=True)
class Answer:
    """What came back for one request."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def receipts(self) -> list[dict[str, Any]]:
        """The receipts of a 200 answer that is really the server's; none for anything else."""
        said = self.json if self.status == 200 else None
        found = said.get("receipts") if isinstance(said, dict) else None
        return found if isinstance(found, list) else []


Line = Callable[[str, str, bytes, dict[str, str]], Answer]
"""How requests reach the server: (method, path, body, headers) → answer, or ``Cut``."""


def line_to_app(app: Any) -> Line:
    """A line into the application in this process."""
    client = app.test_client(use_cookies=False)

    def ask(method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        response = client.open(path, method=method, data=body, headers=headers)
        return Answer(response.status_code, dict(response.headers), response.get_data())

    return ask


def line_to_port(port: int, *, timeout: float = 20) -> Line:
    """A line over TCP to a server (or a proxy) on loopback; a new connection for each request."""

    def ask(method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        except (OSError, http.client.HTTPException) as broken:
            raise Cut(str(broken)) from broken
        finally:
            connection.close()

    return ask


@dataclass(frozen=True)
class Piece:
    """One finished piece of work: frozen, sealed, never changed again."""

    id: UUID
    kind: str
    key: str
    digest: str
    sealed: bytes
    author: UUID

    @property
    def envelope(self) -> dict[str, str]:
        return {
            "id": str(self.id), "kind": self.kind, "key": self.key, "digest": self.digest, "sealed": b64(self.sealed),
        }  # fmt: skip

    @property
    def parts(self) -> list[bytes]:
        return [self.sealed[at : at + PART] for at in range(0, len(self.sealed), PART)]

    def part_path(self, n: int, **asked: Any) -> str:
        said = {"of": len(self.parts), "digest": self.digest, "key": self.key, **asked}
        return f"/outbox/photos/{self.id}/parts/{n}?{urlencode(said)}"

    @property
    def state_path(self) -> str:
        return f"/outbox/photos/{self.id}?digest={self.digest}"


@dataclass(frozen=True)
class Enrolment:
    """What the server gave one person on one phone."""

    staff: UUID
    phone_pass: str
    author_pass: str
    key: str
    public: bytes


@dataclass
class Phone:
    """One device. ``enrol`` first; then what is saved waits in ``outbox`` until a receipt for its bytes is here."""

    line: Line
    id: UUID = field(default_factory=uuid4)
    enrolments: dict[UUID, Enrolment] = field(default_factory=dict)
    outbox: dict[UUID, Piece] = field(default_factory=dict)
    receipts: dict[UUID, dict[str, Any]] = field(default_factory=dict)

    def enrol(self, person: Any) -> "Phone":
        """Make the phone known by the app, as the script does after a sign-in; ``person`` is a tests' Person."""
        response = person.client.post("/phones", json={"phone": str(self.id), "label": "Phone of a test"})
        assert response.status_code == 200, response.get_data(as_text=True)
        said = response.get_json()
        key = said["sealing_key"]
        self.enrolments[person.id] = Enrolment(
            person.id, said["phone_pass"], said["author_pass"], key["key"], unb64(key["public"])
        )
        return self

    # What a person does

    def save_visit(
        self, case: UUID, *, by: UUID | None = None, supersedes: UUID | None = None, **fields: Any
    ) -> Piece:
        """A visit, with the fields that matter to the test; a field given as None is left out."""
        return self.save("visit", case, visit_fields(**fields), by=by, supersedes=supersedes)

    def save_check_in(self, case: UUID, *, by: UUID | None = None, **fields: Any) -> Piece:
        said = {"locale": "fr", "private": "yes", "consent": "yes", **dict.fromkeys(WHO_5, "3"), **fields}
        return self.save("check-in", case, said, by=by)

    def save_red_flag(self, case: UUID, *, by: UUID | None = None, **fields: Any) -> Piece:
        return self.save(
            "red-flag", case, {"category": "violence", "help_needed": "Un abri ce soir", **fields}, by=by
        )

    def save_photo(
        self, visit: Piece | UUID, case: UUID, picture: bytes, *, by: UUID | None = None, **said: Any
    ) -> Piece:
        """A photo of a visit; ``said`` changes slot, caption, subject or consent."""
        visit_id = visit.id if isinstance(visit, Piece) else visit
        photo = {
            "visit": str(visit_id),
            "slot": 1,
            "caption": "",
            "subject": "goods",
            "consent": False,
            **said,
        }
        return self.save("photo", case, picture, by=by, header={"photo": photo})

    def save(
        self,
        kind: str,
        case: UUID | None,
        body: dict[str, Any] | bytes,
        *,
        by: UUID | None = None,
        supersedes: UUID | None = None,
        header: dict[str, Any] | None = None,
        id: UUID | None = None,
        zipped: bool = True,
    ) -> Piece:
        """Freeze and seal; from here on it is in the outbox. ``header`` overrides single header fields."""
        enrolment = self._of(by)
        id = id or uuid4()
        content = body if isinstance(body, bytes) else urlencode({**body, "id": str(id)}).encode()
        zipped = zipped and kind != "photo" and not isinstance(body, bytes)
        said = {
            "v": 1, "id": str(id), "kind": kind, "case": str(case) if case else None, "by": enrolment.author_pass,
            "claimed_at": datetime.now(UTC).isoformat(), "clock_error_ms": 0, "build": "test",
            "salt": b64(secrets.token_bytes(16)), "supersedes": str(supersedes) if supersedes else None,
            "zip": zipped, **(header or {}),
        }  # fmt: skip
        frozen = freeze(said, deflated(content) if zipped else content)
        return self.seal(kind, id, frozen, by=enrolment.staff)

    def seal(self, kind: str, id: UUID, frozen: bytes, *, by: UUID | None = None) -> Piece:
        """Seal these frozen bytes, whatever they are, and keep them in the outbox."""
        enrolment = self._of(by)
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), enrolment.public)
        sealed = SUITE.encrypt(frozen, public, info=sealing_info(kind, str(id)))
        piece = Piece(id, kind, enrolment.key, digest_of(sealed), sealed, enrolment.staff)
        self.outbox[id] = piece
        return piece

    # What its sender does

    def post(self, *pieces: Piece) -> Answer:
        """One batch, once; receipts that match are taken in."""
        return self.post_json({"submissions": [piece.envelope for piece in pieces]})

    def post_json(self, said: Any) -> Answer:
        return self._taken_in(
            self._ask("POST", "/outbox/submissions", json.dumps(said).encode(), "application/json")
        )

    def put_part(self, piece: Piece, n: int, **asked: Any) -> Answer:
        """One part of a photo, once."""
        return self._taken_in(
            self._ask("PUT", piece.part_path(n, **asked), piece.parts[n], "application/octet-stream")
        )

    def say_state(self, said: Any) -> Answer:
        """How it is, as the app's worker says it from time to time."""
        return self._ask("POST", "/phones/state", json.dumps(said).encode(), "application/json")

    def photo_state(self, piece: Piece) -> Answer:
        return self._taken_in(self._ask("GET", piece.state_path, b"", ""))

    def send_photo(self, piece: Piece, order: Iterable[int] | None = None) -> Answer:
        """All parts in this order, once each; the last answer."""
        answer = None
        for n in range(len(piece.parts)) if order is None else order:
            answer = self.put_part(piece, n)
        assert answer is not None
        return answer

    def resume_photo(self, piece: Piece) -> None:
        """As the app's sender does: ask what is there, then send what is missing."""
        answer = self.photo_state(piece)
        if piece.id not in self.outbox:
            return
        have = set((answer.json or {}).get("have", [])) if answer.status == 200 else set()
        for n in range(len(piece.parts)):
            if n not in have and piece.id in self.outbox:
                self.put_part(piece, n)

    def deliver(self, *, tries: int = 50, pause: Callable[[int], None] = lambda n: None) -> None:
        """Send everything, texts first, the same bytes again after every cut, until each has its receipt."""
        for attempt in range(tries):
            if not self.outbox:
                return
            try:
                texts = [piece for piece in self.outbox.values() if piece.kind != "photo"]
                for at in range(0, len(texts), BATCH):
                    self.post(*texts[at : at + BATCH])
                for piece in [piece for piece in self.outbox.values() if piece.kind == "photo"]:
                    self.resume_photo(piece)
            except Cut:
                pass
            if self.outbox:
                pause(attempt)
        assert not self.outbox, f"{len(self.outbox)} pieces found no receipt in {tries} tries"

    def _taken_in(self, answer: Answer) -> Answer:
        for receipt in answer.receipts:
            piece = self.outbox.get(UUID(receipt["id"]))
            if piece and receipt["digest"] == piece.digest and receipt["outcome"] in SETTLED:
                self.receipts[piece.id] = receipt
                del self.outbox[piece.id]
        return answer

    def _ask(self, method: str, path: str, body: bytes, content_type: str) -> Answer:
        headers = {"Authorization": f"Bearer {self._any().phone_pass}", "Accept": "application/json"}
        if content_type:
            headers["Content-Type"] = content_type
        return self.line(method, path, body, headers)

    def _any(self) -> Enrolment:
        return next(iter(self.enrolments.values()))

    def _of(self, staff: UUID | None) -> Enrolment:
        return self.enrolments[staff] if staff else self._any()


def freeze(header: Any, body: bytes) -> bytes:
    """u32be(length of header) ‖ header ‖ body."""
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack(">I", len(head)) + head + body


def deflated(body: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(body) + packer.flush()


def digest_of(sealed: bytes) -> str:
    return hashlib.sha256(sealed).hexdigest()


def visit_fields(**fields: Any) -> dict[str, str]:
    """A home visit two hours ago that found all well."""
    said = {
        "visited_at": (datetime.now(UTC) - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M"),
        "channel": "home_visit",
        "reached": "yes",
        "concern": "none",
        "notes": "Tout va bien.",
        **fields,
    }
    return {name: str(value) for name, value in said.items() if value is not None}


def a_picture(side: int = 160, seed: int | None = None) -> bytes:
    """A small JPEG that no other equals; noise, so that it does not shrink (nearly one byte a pixel)."""
    noise = random.Random(seed).randbytes if seed is not None else secrets.token_bytes
    file = BytesIO()
    Image.frombytes("RGB", (side, side), noise(side * side * 3)).save(file, "JPEG", quality=90)
    return file.getvalue()
