"""Papers of a request: photos are drawn anew like every photo; a PDF is checked, kept and only ever downloaded.

The check of a PDF keeps away what an office can meet by accident or in an ordinary attack: scripts, programs, hidden
files, passwords, cut files. It is no proof against a PDF made to deceive it; that is why we never render one.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from flask_babel import gettext as _

from ...press import Pressed, PressUnavailable, Unpressable, press, sentence
from ...web import TryLater

MOST_PDF = 5 * 1024 * 1024
MOST_UNPACKED = 64 * 1024 * 1024
"""Of all that is compressed inside a PDF: a small file that unpacks to more is no quote."""
MOST_STREAMS = 10_000
_ACTIVE = re.compile(
    rb"/(JavaScript|Launch|EmbeddedFile|RichMedia|Rendition|SubmitForm|ImportData|GoToE|GoToR|XFA)"
)
"""Names that no quote or invoice needs. A page to open at (``/OpenAction``) and links are harmless without them."""
_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")
_PIECE = 16 * 1024


class Photographed(Protocol):
    """A photo that went through the press, with the reason when it could not be drawn."""

    pressed: Pressed | None

    @property
    def refusal(self) -> str: ...


@dataclass(frozen=True)
class Paper:
    """A paper that was looked at: what to keep of it, or the sentence that says why not."""

    media: str = "jpeg"
    content: bytes = b""
    thumb: bytes | None = None
    refusal: str = ""


def of_photo(photo: "Photographed") -> Paper:
    """The paper of a photo that was drawn anew already."""
    if photo.pressed is None:
        return Paper(refusal=photo.refusal)
    return Paper("jpeg", photo.pressed.photo, photo.pressed.thumb)


def look_at(given: bytes) -> Paper:
    """Look at an uploaded paper, outside any transaction."""
    if given.startswith(b"%PDF-"):
        return _look_at_pdf(given)
    try:
        pressed = press(given)
    except Unpressable as refused:
        return Paper(refusal=str(sentence(refused.reason)))
    except PressUnavailable as trouble:
        raise TryLater(str(trouble)) from trouble
    return Paper("jpeg", pressed.photo, pressed.thumb)


def _look_at_pdf(given: bytes) -> Paper:
    if len(given) > MOST_PDF:
        return Paper(refusal=_("Ce PDF est trop lourd : 5 Mo au plus."))
    # Nothing may follow its end: what does is cut off, or belongs to another file that was glued on.
    body, end, rest = given.rpartition(b"%%EOF")
    if not end or rest.strip(b"\r\n\t \0") or b"startxref" not in body[-2048:]:
        return Paper(refusal=_("Ce PDF est incomplet ou abîmé. Envoyez-le de nouveau."))
    if b"/Encrypt" in _unfolded(given):
        return Paper(refusal=_("Ce PDF est protégé par un mot de passe. Envoyez-le sans protection."))
    if _ACTIVE.search(_unfolded(given)) or _hides_something(given):
        return Paper(
            refusal=_(
                "Ce PDF contient des programmes ou des fichiers cachés. Imprimez-le, puis prenez-le en photo."
            )
        )
    return Paper("pdf", given)


def _hides_something(given: bytes) -> bool:
    """Whether a compressed part of the PDF names something active, or cannot be looked into."""
    left = MOST_UNPACKED
    for number, stream in enumerate(_STREAM.finditer(given)):
        about = _unfolded(given[max(0, stream.start() - 2048) : stream.start()].rpartition(b" obj")[2])
        if b"/ObjStm" in about and (b"/DecodeParms" in about or b"/FlateDecode" not in about):
            return True
        before = b""
        for piece in _unpacked(given, stream.end()):
            left -= max(len(piece), 1024)  # an empty piece costs time too
            if left < 0 or _ACTIVE.search(_unfolded(before + piece)):
                return True
            before = piece[-64:]
        if number > MOST_STREAMS:
            return True
    return False


def _unpacked(given: bytes, at: int) -> Iterator[bytes]:
    """What is packed from here on; nothing for a photo or a font, which are packed in a way that holds no objects."""
    unpacker = zlib.decompressobj()
    try:
        while at < len(given) and not unpacker.eof:
            packed, at = given[at : at + _PIECE], at + _PIECE
            while packed:
                yield unpacker.decompress(packed, 64 * _PIECE)
                packed = unpacker.unconsumed_tail
    except zlib.error:
        return


def _unfolded(given: bytes) -> bytes:
    """Names may be written with #xx: unfold them, so that a script cannot hide behind its spelling."""
    return _ESCAPED.sub(lambda found: bytes([int(found.group(1), 16)]), given)
