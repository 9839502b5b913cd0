"""What lies in the databases of a browser, unpacked: LevelDB presses whole blocks with snappy, and the browser single values."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import cramjam

FOOTER, MAGIC = 48, bytes.fromhex("57fb808b247547db")
LOG_BLOCK, LOG_HEADER = 32_768, 7
PRESSED = b"\xff\x11\x02"
"""How a value begins that the browser has pressed."""


def unpacked(path: Path) -> Iterator[bytes]:
    """The content of a file as it was before it was pressed or cut up; nothing for a file that is neither."""
    content = path.read_bytes()
    if path.suffix in (".ldb", ".sst") and content[-8:] == MAGIC:
        for block in _table(content):
            yield block
            yield from _opened(_values(block))
    elif path.suffix == ".log":
        batches = list(_log(content))
        yield b"".join(batches)
        for batch in batches:
            yield from _opened(_written(batch))
    elif ".blob" in str(path):
        yield from _opened([content])


def _opened(values: Iterable[bytes]) -> Iterator[bytes]:
    for value in values:
        start = value[:32].find(PRESSED)
        if start >= 0:
            with suppress(cramjam.DecompressionError):
                yield bytes(cramjam.snappy.decompress_raw(value[start + len(PRESSED) :]))


def _table(content: bytes) -> Iterator[bytes]:
    place = 0
    footer = content[-FOOTER:]
    for _ in range(2):  # the handle of the index of filters, which is not needed
        _skipped, place = _number(footer, place)
    offset, place = _number(footer, place)
    size, place = _number(footer, place)
    for handle in _values(_block(content, offset, size)):
        offset, after = _number(handle, 0)
        size, _end = _number(handle, after)
        yield _block(content, offset, size)


def _block(content: bytes, offset: int, size: int) -> bytes:
    raw, kind = content[offset : offset + size], content[offset + size]
    if kind == 0:
        return raw
    if kind == 1:
        return bytes(cramjam.snappy.decompress_raw(raw))
    return bytes(cramjam.zstd.decompress(raw))


def _values(block: bytes) -> Iterator[bytes]:
    restarts = int.from_bytes(block[-4:], "little")
    place, end = 0, len(block) - 4 - 4 * restarts
    while place < end:
        _shared, place = _number(block, place)
        own, place = _number(block, place)
        length, place = _number(block, place)
        yield block[place + own : place + own + length]
        place += own + length


def _log(content: bytes) -> Iterator[bytes]:
    """What was written at once, without the headers that stand every 32 KB, in the middle of whatever is there."""
    batch = bytearray()
    for start in range(0, len(content), LOG_BLOCK):
        block, place = content[start : start + LOG_BLOCK], 0
        while place + LOG_HEADER <= len(block):
            length, kind = int.from_bytes(block[place + 4 : place + 6], "little"), block[place + 6]
            if kind == 0:
                break
            batch += block[place + LOG_HEADER : place + LOG_HEADER + length]
            place += LOG_HEADER + length
            if kind in (1, 4):  # whole, or the last part
                yield bytes(batch)
                batch.clear()


def _written(batch: bytes) -> Iterator[bytes]:
    """The values of one write: a number and a count come first, then what is put or deleted."""
    place = 12
    with suppress(IndexError):
        while place < len(batch):
            puts, place = batch[place] == 1, place + 1
            length, place = _number(batch, place)
            place += length
            if puts:
                length, place = _number(batch, place)
                yield batch[place : place + length]
                place += length


def _number(content: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = content[place]
        number |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return number, place
