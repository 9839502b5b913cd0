"""The photo press: whatever comes in, a clean photo or a plain reason comes out, and the next one works."""

import io
import os
import random
import signal
import struct
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from flask import Flask
from flask_babel import Babel
from PIL import Image, ImageChops, ImageCms, ImageDraw, ImageOps, ImageStat

from webapp import press as press_module
from webapp.press import Press, Pressed, PressUnavailable, Reason, Unpressable, press, sentence

SAMPLES = Path(__file__).parent.parent / "samples" / "photos"
PHONE_PICTURE = SAMPLES / "HMD_Nokia_8.3_5G.jpg"
GPS = 0x8825
MOST_MEMORY = 600 * 1024 * 1024


def drawn(width=800, height=600, mode="RGB"):
    """A picture with a red top left corner, so that turning it shows."""
    picture = Image.new("RGB", (width, height), "steelblue")
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 0, width // 3, height // 3), fill="red")
    pen.ellipse((width // 2, height // 2, width - 1, height - 1), fill="gold")
    return picture.convert(mode)


def saved(picture, kind="JPEG", **options):
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def noise(width, height, mode="RGB"):
    channels = len(mode)
    return Image.frombytes(mode, (width, height), random.Random(7).randbytes(width * height * channels))


def opened(content):
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


def refusal(content):
    with pytest.raises(Unpressable) as refused:
        press(content)
    return refused.value.reason


def png_of(width, height, *, header_only=False, colour=2):
    """A PNG made by hand: all zero pixels pack a thousand times smaller than what they unpack to."""

    def chunk(name, content):
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))
    packed = (
        b"" if header_only else zlib.compress(bytes((width * {0: 1, 2: 3, 6: 4}[colour] + 1) * height), 9)
    )
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def with_segment(jpeg, marker, content):
    """The JPEG with one more segment after its start."""
    return jpeg[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content + jpeg[2:]


def assert_only_pixels(jpeg):
    """The JPEG has no segment but those that the pixels need: no EXIF, GPS, XMP, ICC profile or comment."""
    assert jpeg.startswith(b"\xff\xd8")
    at, markers = 2, []
    while jpeg[at] == 0xFF and jpeg[at + 1] != 0xDA:
        markers.append(jpeg[at + 1])
        if jpeg[at + 1] == 0xE0:
            assert jpeg[at + 4 : at + 9] == b"JFIF\0"
        at += 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
    assert set(markers) <= {0xE0, 0xDB, 0xC0, 0xC2, 0xC4}, [hex(marker) for marker in markers]
    assert jpeg.endswith(b"\xff\xd9")
    picture = opened(jpeg)
    assert (picture.format, picture.mode) == ("JPEG", "RGB")
    assert not picture.getexif()
    assert not {"icc_profile", "comment", "xmp", "exif"} & set(picture.info)


def assert_good(pressed):
    for jpeg, long_side in ((pressed.photo, 1600), (pressed.thumb, 320)):
        assert_only_pixels(jpeg)
        assert max(opened(jpeg).size) <= long_side
    assert opened(pressed.photo).size == (pressed.width, pressed.height)
    assert len(pressed.sha256) == 64


def memory_peak():
    peaks = [0]
    for pid in press_module.the_press.processes():
        status = Path(f"/proc/{pid}/status").read_text()
        peaks += [int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")]
    return max(peaks)


def is_red(picture, x, y):
    red, green, blue = picture.convert("RGB").getpixel((x, y))
    return red > 180 and green < 90 and blue < 90


# --- the photos people take ---


def test_a_phone_picture_with_its_place_in_it_comes_out_small_and_without_the_place():
    given = PHONE_PICTURE.read_bytes()
    assert GPS in opened(given).getexif()
    pressed = press(given)
    assert_good(pressed)
    assert (pressed.width, pressed.height) == (1600, 686)
    assert len(pressed.photo) < 300_000
    assert len(pressed.thumb) < 25_000


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("35-empty.jpg", (1600, 1202)),
        ("DSCN0010.jpg", (640, 480)),
        ("HMD_Nokia_8.3_5G.jpg", (1600, 686)),
        ("corrupted.jpg", (1600, 1200)),
        ("iphone_13_pro_max.HEIC", Reason.HEIC),
        ("landscape_3.jpg", (600, 450)),
        ("portrait_6.jpg", (450, 600)),
    ],
)
def test_every_sample_gives_a_photo_or_a_reason(name, outcome):
    given = (SAMPLES / name).read_bytes()
    if isinstance(outcome, Reason):
        assert refusal(given) is outcome
    else:
        pressed = press(given)
        assert_good(pressed)
        assert (pressed.width, pressed.height) == outcome


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_comes_out_as_it_was_held(orientation, kind):
    turned_back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = drawn(2400, 1200)
    stored = upright.transpose(turned_back[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    pressed = press(saved(stored, kind, exif=exif))
    assert_good(pressed)
    assert (pressed.width, pressed.height) == (1600, 800)
    for jpeg in (pressed.photo, pressed.thumb):
        seen = opened(jpeg)
        assert is_red(seen, 5, 5)
        assert not is_red(seen, seen.width - 5, 5)
        assert not is_red(seen, 5, seen.height - 5)


@pytest.mark.parametrize("name", ["portrait_6.jpg", "landscape_3.jpg"])
def test_the_known_orientation_pictures_look_like_their_upright_selves(name):
    given = opened((SAMPLES / name).read_bytes())
    profile = ImageCms.ImageCmsProfile(io.BytesIO(given.info["icc_profile"]))
    upright = ImageOps.exif_transpose(given)
    expected = ImageCms.profileToProfile(upright, profile, ImageCms.createProfile("sRGB"))
    got = opened(press((SAMPLES / name).read_bytes()).photo)
    assert got.size == expected.size
    assert max(ImageStat.Stat(ImageChops.difference(got, expected)).mean) < 8


def test_a_small_photo_that_needs_nothing_is_drawn_anew_all_the_same():
    given = saved(drawn(400, 300), quality=90)
    pressed = press(given)
    assert_good(pressed)
    assert pressed.photo != given
    assert (pressed.width, pressed.height) == (400, 300)


def test_pressing_the_same_file_twice_gives_the_same_bytes():
    given = PHONE_PICTURE.read_bytes()
    assert press(given) == press(given)


def test_even_a_picture_of_noise_stays_within_what_a_phone_can_send():
    assert len(press(saved(noise(1600, 1600), quality=95)).photo) < 1_500_000


# --- what must not come through ---


def test_comments_profiles_and_every_kind_of_metadata_are_gone():
    exif = Image.Exif()
    exif.get_ifd(GPS)[2] = (9.0, 30.0, 43.2)
    exif[0x010E] = "house of Aminata"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    given = saved(drawn(), exif=exif, icc_profile=profile, comment=b"house of Aminata")
    given = with_segment(
        given, 0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>house of Aminata</x:xmpmeta>"
    )
    given = with_segment(given, 0xED, b"Photoshop 3.0\0house of Aminata")
    pressed = press(given)
    assert_good(pressed)
    assert b"Aminata" not in pressed.photo + pressed.thumb


@pytest.mark.parametrize(
    "tail", [b"<script>alert(1)</script>", b"PK\x03\x04" + bytes(200), b"%PDF-1.7", bytes(9000)]
)
def test_what_is_hidden_behind_the_pixels_is_left_behind(tail):
    pressed = press(saved(drawn()) + tail)
    assert_good(pressed)
    assert tail not in pressed.photo


def test_a_colour_profile_is_applied_before_it_is_dropped():
    # A profile whose red and blue are exchanged turns a red picture blue; without it, it stays red.
    swapped = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    table = swapped.index(b"rXYZ"), swapped.index(b"bXYZ")
    swapped[table[0] : table[0] + 4], swapped[table[1] : table[1] + 4] = b"bXYZ", b"rXYZ"
    red = Image.new("RGB", (64, 64), (200, 20, 20))
    got = opened(press(saved(red, "PNG", icc_profile=bytes(swapped))).photo).getpixel((32, 32))
    assert got[2] > 150
    assert got[0] < 100


@pytest.mark.parametrize("profile", [b"not a profile", bytes(3000)])
def test_a_damaged_colour_profile_does_not_cost_the_picture(profile):
    assert_good(press(saved(drawn(), icc_profile=profile)))


@pytest.mark.parametrize(
    "trace",
    [
        {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"},
        {"comment": b"house of Aminata"},
        {"icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()},
    ],
    ids=lambda trace: next(iter(trace)),
)
def test_a_press_that_left_a_trace_would_be_noticed(trace):
    with pytest.raises(AssertionError):
        assert_only_pixels(saved(drawn(), **trace))


# --- unusual but honest pictures ---


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("JPEG", "L"),
        ("JPEG", "CMYK"),
        ("PNG", "1"),
        ("PNG", "L"),
        ("PNG", "LA"),
        ("PNG", "P"),
        ("PNG", "RGBA"),
    ],
)
def test_every_colour_mode_becomes_a_plain_photo(kind, mode):
    picture = drawn(mode=mode) if mode != "LA" else drawn(mode="L").convert("LA")
    pressed = press(saved(picture, kind))
    assert_good(pressed)
    if mode in ("CMYK", "P", "RGBA"):
        assert is_red(opened(pressed.photo), 20, 20)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_was_transparent_becomes_white(kind):
    picture = drawn(mode="RGBA")
    picture.paste((0, 0, 0, 0), (400, 0, 800, 300))
    got = opened(press(saved(picture, kind)).photo)
    assert min(got.getpixel((700, 50))) > 245
    assert is_red(got, 20, 20)


@pytest.mark.parametrize("mode", ["P", "RGB", "L"])
def test_a_single_transparent_colour_becomes_white(mode):
    picture = Image.new(mode, (3000, 3000), 0)
    colour = (0, 0, 0) if mode == "RGB" else 0
    got = opened(press(saved(picture, "PNG", transparency=colour)).photo)
    assert min(got.getpixel((800, 800))) > 245


def test_sixteen_bit_grey_keeps_its_tones():
    got = opened(press(saved(Image.new("I;16", (50, 50), 0x8000), "PNG")).photo)
    assert 120 <= got.getpixel((25, 25))[0] <= 136


def test_of_a_moving_picture_the_first_frame_is_kept():
    frames = [Image.new("RGB", (200, 100), colour) for colour in ("red", "blue", "green")]
    for kind in ("PNG", "WEBP"):
        pressed = press(saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100))
        assert_good(pressed)
        assert is_red(opened(pressed.photo), 100, 50)


@pytest.mark.parametrize(
    ("size", "outcome"), [((1, 1), (1, 1)), ((1, 20_000), (1, 1600)), ((20_000, 3), (1600, 1))]
)
def test_pictures_of_odd_shapes_are_pressed(size, outcome):
    pressed = press(saved(Image.new("RGB", size, "red"), "PNG"))
    assert_good(pressed)
    assert (pressed.width, pressed.height) == outcome


def test_a_progressive_picture_is_pressed():
    assert_good(press(saved(drawn(3000, 2000), progressive=True)))


def test_the_largest_allowed_picture_fits_in_the_memory_of_the_press():
    pressed = press(png_of(10_000, 6_000, colour=6))
    assert_good(pressed)
    assert (pressed.width, pressed.height) == (1600, 960)
    assert memory_peak() < MOST_MEMORY


# --- files that are not photos, or not any more ---


def pdf():
    return b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


def archive():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as files:
        files.writestr("photo.jpg", saved(drawn()))
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Reason.EMPTY),
        (pdf(), Reason.NOT_A_PHOTO),
        (archive(), Reason.NOT_A_PHOTO),
        (b"<!doctype html><title>Sign in to the network</title>", Reason.NOT_A_PHOTO),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', Reason.NOT_A_PHOTO),
        (saved(drawn(mode="P"), "GIF"), Reason.NOT_A_PHOTO),
        (saved(drawn(), "TIFF"), Reason.NOT_A_PHOTO),
        (bytes(5000), Reason.NOT_A_PHOTO),
        (random.Random(1).randbytes(5000), Reason.NOT_A_PHOTO),
        (b"\xff\xd8", Reason.NOT_A_PHOTO),
        (b"\x00\x00\x00\x28ftypheic" + bytes(100), Reason.HEIC),
        (bytes(12 * 1024 * 1024 + 1), Reason.TOO_LARGE_BYTES),
        (png_of(13_000, 13_000, colour=0), Reason.TOO_MANY_PIXELS),
        (png_of(60_000, 60_000, header_only=True), Reason.TOO_MANY_PIXELS),
        (png_of(7_747, 7_747, header_only=True), Reason.TOO_MANY_PIXELS),
    ],
    ids=lambda given: given.value if isinstance(given, Reason) else f"{len(given)} bytes",
)
def test_a_file_that_is_no_photo_gets_its_reason_and_the_next_photo_works(content, reason):
    assert refusal(content) is reason
    assert_good(press(saved(drawn(100, 80))))
    assert memory_peak() < MOST_MEMORY


def test_a_png_named_jpg_is_known_by_its_content():
    assert_good(press(saved(drawn(), "PNG")))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_cut_at_any_place_is_pressed_or_refused_and_the_press_goes_on(kind):
    whole = saved(noise(300, 200), kind)
    reasons = set()
    for percent in range(0, 100, 2):
        try:
            assert_good(press(whole[: len(whole) * percent // 100]))
        except Unpressable as refused:
            reasons.add(refused.reason)
    assert Reason.TRUNCATED in reasons
    assert reasons <= {Reason.EMPTY, Reason.TRUNCATED, Reason.NOT_A_PHOTO}
    assert_good(press(whole))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_with_changed_bytes_is_pressed_or_refused_and_the_press_goes_on(kind):
    whole = saved(noise(120, 90), kind, **({"exif": Image.Exif()} if kind != "PNG" else {}))
    chance = random.Random(20261001)
    for _change in range(120):
        changed = bytearray(whole)
        for _byte in range(chance.choice((1, 3, 40))):
            # Most changes fall into the headers, where decoders decide.
            place = chance.randrange(min(len(changed), chance.choice((60, 700, len(changed)))))
            changed[place] = chance.randrange(256)
        with suppress(Unpressable):
            assert_good(press(bytes(changed)))
    assert_good(press(whole))
    assert memory_peak() < MOST_MEMORY


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0MM\0*\xff\xff\xff\xff",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(40),
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\x08",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x04six\0\0\0\0\0",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x08\0\0\0\x08",
        b"Exif\0\0" + bytes(65_000),
    ],
    ids=lambda exif: f"{len(exif)} bytes of EXIF",
)
def test_damaged_exif_does_not_cost_the_picture(exif):
    assert_good(press(with_segment(saved(drawn()), 0xE1, exif)))


def test_ten_thousand_chunks_of_text_are_read_past_or_refused():
    whole = png_of(50, 50)
    text = struct.pack(">I", 3) + b"tEXt" + b"a\0b" + struct.pack(">I", zlib.crc32(b"tEXta\0b"))
    with suppress(Unpressable):
        assert_good(press(whole[:33] + text * 10_000 + whole[33:]))
    assert_good(press(whole))


def test_every_reason_has_a_sentence_in_clear_french():
    app = Flask("press")
    Babel(app, default_locale="fr")
    with app.test_request_context("/"):
        sentences = [str(sentence(reason)) for reason in Reason]
    assert len(set(sentences)) == len(Reason)
    assert all(said.endswith(".") and len(said) > 20 for said in sentences)


# --- the process that does the work ---


@pytest.fixture
def one_child():
    made = Press(children=1)
    yield made
    made.close()


def test_a_killed_child_costs_no_photo(one_child):
    given = saved(drawn())
    one_child.press(given)
    (pid,) = one_child.processes()
    os.kill(pid, signal.SIGKILL)
    assert_good(one_child.press(given))
    assert one_child.processes() != [pid]


def test_children_killed_in_the_middle_of_their_work_cost_no_photo(one_child):
    given = PHONE_PICTURE.read_bytes()
    one_child.press(given)
    for pause in (0.0, 0.01, 0.03, 0.06):
        (pid,) = one_child.processes()
        killer = threading.Timer(pause, os.kill, (pid, signal.SIGKILL))
        killer.start()
        assert_good(one_child.press(given))
        killer.join()


def test_a_child_that_stands_still_is_the_machines_trouble_and_not_the_photos():
    made = Press(children=1, seconds_for_answer=0.4)
    try:
        given = saved(drawn())
        made.press(given)
        os.kill(made.processes()[0], signal.SIGSTOP)
        with pytest.raises(PressUnavailable):
            made.press(given)
        # The next child needs a moment to start, so it gets the time again that starting takes.
        made._seconds_for_answer = 30
        assert_good(made.press(given))
    finally:
        made.close()


@pytest.fixture
def worker_script(tmp_path, monkeypatch):
    """Puts another script in the place of the worker, to see what the press does when its child goes wrong."""

    def put(text):
        script = tmp_path / "worker.py"
        script.write_text(text)
        monkeypatch.setattr(press_module, "WORKER", script)

    return put


READ_ONE = "import os, resource, signal, struct, sys\nn = struct.unpack('>I', sys.stdin.buffer.read(4))[0]\n"
READ_ONE += "given = sys.stdin.buffer.read(n)\n"


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        (READ_ONE + "os.kill(os.getpid(), signal.SIGSEGV)", Reason.UNREADABLE),
        (READ_ONE + "resource.setrlimit(resource.RLIMIT_CPU, (1, 2))\nwhile True: pass", Reason.TOO_SLOW),
        (READ_ONE + "os.write(1, b'?' * 100)", Reason.UNREADABLE),
        (READ_ONE + "os.write(1, b'+' + b'\\xff' * 16)\nsys.stdin.buffer.read()", Reason.UNREADABLE),
        (READ_ONE + "os.write(1, b'-\\x04what')\nsys.stdin.buffer.read()", Reason.UNREADABLE),
        (READ_ONE + "os.kill(os.getpid(), signal.SIGKILL)", PressUnavailable),
        ("raise SystemExit(1)", PressUnavailable),
    ],
    ids=[
        "crashes",
        "takes too long",
        "talks nonsense",
        "promises too much",
        "new word",
        "killed",
        "cannot start",
    ],
)
def test_a_child_gone_wrong_ends_in_a_reason_or_in_later(
    one_child, worker_script, script, outcome, monkeypatch
):
    worker_script(script)
    if isinstance(outcome, Reason):
        with pytest.raises(Unpressable) as refused:
            one_child.press(saved(drawn()))
        assert refused.value.reason is outcome
    else:
        with pytest.raises(outcome):
            one_child.press(saved(drawn()))
    monkeypatch.undo()
    assert_good(one_child.press(saved(drawn())))


def test_an_answer_broken_off_half_way_is_never_given_to_the_next_photo(
    one_child, worker_script, monkeypatch
):
    one_child._seconds_for_answer = 0.5
    worker_script(READ_ONE + "os.write(1, b'+')\nsys.stdin.buffer.read()")
    with pytest.raises(PressUnavailable):
        one_child.press(saved(drawn()))
    monkeypatch.undo()
    one_child._seconds_for_answer = 30
    assert one_child.press(saved(drawn(40, 30))).width == 40


def test_eight_threads_at_once_each_get_their_own_photo():
    sizes = [(40 + n, 30 + 2 * n) for n in range(48)]
    bad = [b"", b"<html>", png_of(60_000, 60_000, header_only=True)]

    def pressed_size(n):
        if n % 6 == 5:
            with pytest.raises(Unpressable):
                press(bad[n % 3])
        pressed = press(saved(Image.new("RGB", sizes[n], "red")))
        return pressed.width, pressed.height

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(pressed_size, range(48))) == sizes
    assert len(press_module.the_press.processes()) <= 2


def test_the_child_knows_no_secret_and_cannot_write_a_file(one_child, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "do-not-tell")
    one_child.press(saved(drawn()))
    (pid,) = one_child.processes()
    assert b"do-not-tell" not in Path(f"/proc/{pid}/environ").read_bytes()
    limits = Path(f"/proc/{pid}/limits").read_text()
    assert f"Max address space         {512 * 1024 * 1024} " in limits
    assert "Max file size             0 " in limits
    processor_seconds = int(limits.split("Max cpu time")[1].split()[0])
    assert 10 <= processor_seconds <= 15


def test_the_child_ends_with_the_process_that_started_it(tmp_path):
    root = Path(__file__).parent.parent.parent
    program = (
        f"import sys, os; sys.path.insert(0, {str(root)!r})\n"
        "import io; from PIL import Image\n"
        "from webapp.press import press, the_press\n"
        "out = io.BytesIO(); Image.new('RGB', (9, 9)).save(out, 'PNG'); press(out.getvalue())\n"
        "print(the_press.processes()[0], flush=True)\n"
    )
    for ending in ("", "os.kill(os.getpid(), 9)"):
        # Another folder, with a module in it that would be imported by mistake if the folder counted.
        (tmp_path / "struct.py").write_text("raise ImportError('the wrong struct')")
        run = subprocess.run(
            [sys.executable, "-P", "-c", program + ending],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        pid = int(run.stdout)
        for _try in range(100):
            if not Path(f"/proc/{pid}").exists():
                break
            time.sleep(0.05)
        assert not Path(f"/proc/{pid}").exists(), run.stderr


def test_a_forked_process_uses_a_press_of_its_own_and_leaves_ours_alone():
    press(saved(drawn(50, 40)))
    ours = press_module.the_press.processes()
    forked = os.fork()
    if forked == 0:
        code = 1
        with suppress(BaseException):
            theirs_before = press_module.the_press.processes()
            good = press(saved(drawn(60, 40))).width == 60
            code = 0 if good and theirs_before == [] else 1
            press_module.the_press.close()
        os._exit(code)
    assert os.waitpid(forked, 0)[1] == 0
    assert press_module.the_press.processes() == ours
    assert press(saved(drawn(50, 40))).width == 50


def test_the_answer_is_a_value_that_cannot_be_changed_afterwards():
    pressed = press(saved(drawn(20, 20)))
    assert isinstance(pressed, Pressed)
    with pytest.raises(AttributeError):
        pressed.photo = b""  # type: ignore[misc]
