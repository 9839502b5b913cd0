"""The child process that decodes photos, run as a script by `press.py` and never imported by it.

Decoding a stranger's file is the most dangerous thing the server does. It happens here, in a process that
knows no secret, can write no file, has 512 MB of address space and a few seconds of processor for each photo.
This file imports nothing of the application, so it starts quickly and from any folder.

Protocol, over standard input and output: a photo comes in as ``u32be length, bytes``. The answer is
``b"+", u32be width, height, photo length, thumb length, photo, thumb`` or ``b"-", u8 length, reason``.
The end of the input ends the process.
"""

import io
import os
import resource
import struct
import sys
import time
import warnings
from collections.abc import Callable
from typing import BinaryIO

from PIL import Image, ImageCms, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

MEMORY = 512 * 1024 * 1024
SECONDS_FOR_EACH = 10
MOST_PIXELS = 60_000_000
LONG_SIDE = 1600
THUMB_LONG_SIDE = 320

# Each quality is tried until the photo is small enough to travel. The last one is kept whatever it weighs.
QUALITIES = (82, 76, 70, 62, 54)
ENOUGH_BYTES = 300_000
THUMB_QUALITY = 72

# Files whose names end in .heic, .heif (and what phones make of them) carry one of these brands.
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
PHOTO_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
# Only these decoders ever see a byte of the file. Naming their classes also registers them with Pillow.
FORMATS = [reader.format for reader in (JpegImageFile, PngImageFile, WebPImageFile) if reader.format]

# EXIF orientation (2 to 8) → what turns the picture upright.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ORIENTATION = 0x0112


class Refused(Exception):
    """The photo cannot be pressed; the argument is the word for the reason."""


def main() -> None:
    incoming, outgoing = sys.stdin.buffer, sys.stdout.buffer
    _give_up_what_is_not_needed()
    while length := incoming.read(4):
        given = incoming.read(struct.unpack(">I", length)[0])
        _allow_processor_time(SECONDS_FOR_EACH)
        memory_ran_out = _answer(given, outgoing)
        outgoing.flush()
        if memory_ran_out:
            # What is left of the address space is in pieces. A fresh process takes the next photo.
            return
        del given


def _give_up_what_is_not_needed() -> None:
    if sys.platform == "linux":
        _limit(resource.RLIMIT_AS, MEMORY)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS


def _allow_processor_time(seconds: int) -> None:
    # The limit counts from the start of the process, so it moves up before each photo. Its signal ends us.
    used = time.process_time()
    _limit(resource.RLIMIT_CPU, int(used) + seconds + 1)


def _limit(what: int, most: int) -> None:
    # Whoever started the server may have set a lower limit already, which then stands.
    hard = resource.getrlimit(what)[1]
    resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _answer(given: bytes, outgoing: BinaryIO) -> bool:
    """Write the answer for one file; true when memory ran out on the way."""
    try:
        width, height, photo, thumb = press(given)
    except Refused as refused:
        _refuse(outgoing, str(refused))
        return False
    except MemoryError:
        _refuse(outgoing, "too_many_pixels")
        return True
    outgoing.write(b"+" + struct.pack(">IIII", width, height, len(photo), len(thumb)))
    outgoing.write(photo)
    outgoing.write(thumb)
    return False


def _refuse(outgoing: BinaryIO, reason: str) -> None:
    outgoing.write(b"-" + bytes([len(reason)]) + reason.encode("ascii"))


def press(given: bytes) -> tuple[int, int, bytes, bytes]:
    """Width, height, photo and thumb of a file, both newly drawn JPEGs without anything but pixels."""
    try:
        upright = _upright_pixels(given)
        photo = _photo_jpeg(upright)
        thumb = _jpeg(_fitted(upright, THUMB_LONG_SIDE), quality=THUMB_QUALITY)
    except (Refused, MemoryError):
        raise
    except Exception as fault:
        # A broken file makes decoders fail in ways nobody can list (SyntaxError, struct.error, …).
        raise Refused(_word_for(fault, given)) from fault
    return upright.width, upright.height, photo, thumb


def _upright_pixels(given: bytes) -> Image.Image:
    """The picture in sRGB, at most 1,600 px long, turned as it was held, white where it was transparent."""
    if not given:
        raise Refused("empty")
    if _is_heic(given):
        raise Refused("heic")
    try:
        picture: Image.Image = Image.open(io.BytesIO(given), formats=FORMATS)
    except Image.DecompressionBombError:
        raise Refused("too_many_pixels") from None
    except UnidentifiedImageError:
        raise Refused("truncated" if _starts_as_photo(given) else "not_a_photo") from None
    # The header says the size; the pixels are not read before it is known to be bearable.
    if picture.width * picture.height > MOST_PIXELS:
        raise Refused("too_many_pixels")
    # A JPEG can be decoded at 1/2, 1/4 or 1/8 of its size, which saves most of the time and memory.
    picture.draft(None, _size_within(picture.width, picture.height, LONG_SIDE))
    picture.load()
    orientation = _orientation(picture)
    drawn = _fitted(_flat(picture), LONG_SIDE)
    return drawn.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else drawn


def _is_heic(given: bytes) -> bool:
    return given[4:8] == b"ftyp" and given[8:12] in HEIC_BRANDS


def _starts_as_photo(given: bytes) -> bool:
    return given.startswith(PHOTO_STARTS) or (given[:4] == b"RIFF" and given[8:12] == b"WEBP")


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(ORIENTATION, 1))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001
        # Damaged EXIF must not cost the picture: it is then shown as it was stored.
        return 1


def _flat(picture: Image.Image) -> Image.Image:
    """A new opaque sRGB picture, at most four times as long as needed, with no metadata attached.

    The work is done in bands of rows, because a second full-size copy of a large picture would not fit in
    memory.
    """
    shrink = max(1, max(picture.size) // (2 * LONG_SIDE))
    to_srgb = _colour_conversion(picture)
    width, height = -(-picture.width // shrink), -(-picture.height // shrink)
    flat = Image.new("RGB", (width, height), "white")
    rows = shrink * 64
    for top in range(0, picture.height, rows):
        band = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
        band = to_srgb(_opaque(band, picture))
        flat.paste(band.reduce(shrink) if shrink > 1 else band, (0, top // shrink))
    return flat


def _opaque(band: Image.Image, picture: Image.Image) -> Image.Image:
    """The band in a mode that has colours only: RGB, L or CMYK."""
    if band.mode in ("I", "I;16", "I;16B", "I;16L"):
        # Sixteen bits of grey: Pillow alone would clip everything above 255 to white.
        return band.point(lambda value: value / 256).convert("L")
    if "transparency" in picture.info:
        # The colour that means "transparent" stands beside the pixels, and a crop does not always carry it.
        band.info["transparency"] = picture.info["transparency"]
        band = band.convert("RGBA")
    if band.mode in ("RGBA", "RGBa", "LA", "La", "PA"):
        seen = band.convert("RGBA")
        white = Image.new("RGB", seen.size, "white")
        white.paste(seen, mask=seen.getchannel("A"))
        return white
    return band if band.mode in ("RGB", "L", "CMYK") else band.convert("RGB")


def _colour_conversion(picture: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """What brings a band to sRGB, through the picture's own colour profile when it has a sound one."""
    profile = picture.info.get("icc_profile")
    if not profile:
        return _plainly
    mode = {"CMYK": "CMYK", "L": "L", "LA": "RGB"}.get(picture.mode, "RGB")
    try:
        conversion = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), mode, "RGB"
        )
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001
        # A profile that is damaged or made for other colours is as good as none.
        return _plainly

    def through_profile(band: Image.Image) -> Image.Image:
        if band.mode != mode:
            return _plainly(band)
        return ImageCms.applyTransform(band, conversion) or _plainly(band)

    return through_profile


def _plainly(band: Image.Image) -> Image.Image:
    return band if band.mode == "RGB" else band.convert("RGB")


def _fitted(picture: Image.Image, long_side: int) -> Image.Image:
    size = _size_within(picture.width, picture.height, long_side)
    if size == picture.size:
        return picture
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _size_within(width: int, height: int, long_side: int) -> tuple[int, int]:
    longest = max(width, height)
    if longest <= long_side:
        return width, height
    return max(1, round(width * long_side / longest)), max(1, round(height * long_side / longest))


def _photo_jpeg(picture: Image.Image) -> bytes:
    for quality in QUALITIES[:-1]:
        made = _jpeg(picture, quality=quality, progressive=True)
        if len(made) <= ENOUGH_BYTES:
            return made
    return _jpeg(picture, quality=QUALITIES[-1], progressive=True)


def _jpeg(picture: Image.Image, *, quality: int, progressive: bool = False) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality, optimize=True, progressive=progressive)
    return out.getvalue()


def _word_for(fault: Exception, given: bytes) -> str:
    said = str(fault).lower()
    if isinstance(fault, Image.DecompressionBombError):
        return "too_many_pixels"
    if "truncated" in said or isinstance(fault, EOFError) or _ends_too_early(given):
        return "truncated"
    return "unreadable"


def _ends_too_early(given: bytes) -> bool:
    if given.startswith(b"\x89PNG"):
        return b"IEND" not in given[-4096:]
    if given[:4] == b"RIFF":
        return len(given) < 8 + struct.unpack("<I", given[4:8])[0]
    return b"\xff\xd9" not in given[-4096:]


if __name__ == "__main__":
    try:
        main()
    except (BrokenPipeError, KeyboardInterrupt):
        # The server has gone; there is nobody left to answer. Skip the flush of the broken pipe at exit.
        os._exit(0)
