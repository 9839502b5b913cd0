"""The photo press: any file in, a small upright photo without traces out, or a plain reason why not.

Nothing that a phone or a browser sent is ever stored as it came. `press` has it decoded and drawn anew in a
child process (`press_worker.py`) with tight limits, so that a file made to break a decoder breaks only that
child.
"""

import atexit
import hashlib
import logging
import os
import queue
import select
import signal
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

log = logging.getLogger(__name__)

MOST_BYTES = 12 * 1024 * 1024
WORKER = Path(__file__).with_name("press_worker.py")

# The child's own processor limit (10 s) judges the photo. The clock on the wall is longer, because on a busy
# machine a good photo may have to wait for the processor, and that is no reason to refuse it for ever.
SECONDS_FOR_ANSWER = 30.0
SECONDS_FOR_TURN = 60.0
# A child is replaced now and then, so that no slow leak in a decoder ever grows old.
PHOTOS_FOR_EACH_CHILD = 500
LONGEST_ANSWER = 8 * 1024 * 1024
# What a decoder that ran wild dies of. Any other end (killed, not able to start) is the machine's trouble.
CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE}


class Reason(StrEnum):
    """Why a file cannot become a photo."""

    EMPTY = "empty"
    NOT_A_PHOTO = "not_a_photo"
    HEIC = "heic"
    TRUNCATED = "truncated"
    TOO_LARGE_BYTES = "too_large_bytes"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_SLOW = "too_slow"
    UNREADABLE = "unreadable"


SENTENCES: dict[Reason, LazyString] = {
    Reason.EMPTY: _l("Ce fichier est vide. Reprenez la photo."),
    Reason.NOT_A_PHOTO: _l("Ce fichier n’est pas une photo. Choisissez une photo JPEG, PNG ou WebP."),
    Reason.HEIC: _l(
        "Cette photo est au format HEIC, que Suivi ne lit pas. Dans les réglages de l’appareil photo, "
        "choisissez « Le plus compatible » (JPEG), puis reprenez la photo."
    ),
    Reason.TRUNCATED: _l(
        "Cette photo est incomplète : il manque la fin du fichier. Choisissez-la de nouveau."
    ),
    Reason.TOO_LARGE_BYTES: _l("Ce fichier est trop lourd. Une photo peut peser 12 Mo au plus."),
    Reason.TOO_MANY_PIXELS: _l(
        "Cette photo est trop grande. Choisissez une résolution plus petite dans l’appareil photo."
    ),
    Reason.TOO_SLOW: _l(
        "Cette photo demande trop de travail pour être lue. Reprenez-la avec l’appareil photo."
    ),
    Reason.UNREADABLE: _l("Cette photo est abîmée et ne peut pas être lue. Reprenez la photo."),
}


class Unpressable(Exception):
    """The file cannot become a photo, now or later. `reason` says why; `sentence(reason)` tells a person."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class PressUnavailable(Exception):
    """The press cannot work at this moment. It says nothing about the photo: answer "later", never refuse."""


@dataclass(frozen=True)
class Pressed:
    """A photo drawn anew: upright sRGB JPEGs that carry pixels and nothing else."""

    photo: bytes
    thumb: bytes
    width: int
    height: int
    sha256: str


def press(given: bytes, *, most_bytes: int = MOST_BYTES) -> Pressed:
    """The photo at most 1,600 px long (about 250 KB) and its thumb of 320 px, or `Unpressable`.

    Safe to call from several threads. `PressUnavailable` when the machine, not the photo, is in trouble.
    """
    if not given:
        raise Unpressable(Reason.EMPTY)
    if len(given) > most_bytes:
        raise Unpressable(Reason.TOO_LARGE_BYTES)
    return the_press.press(given)


def sentence(reason: Reason) -> LazyString:
    """What a person reads about a refused file, in the language of the page that shows it."""
    return SENTENCES[reason]


class Press:
    """One or two children that press photos, started when first needed and replaced when they fail."""

    def __init__(self, children: int = 2, *, seconds_for_answer: float = SECONDS_FOR_ANSWER) -> None:
        self._children = children
        self._seconds_for_answer = seconds_for_answer
        self._closed = False
        self._take_empty_seats()

    def press(self, given: bytes) -> Pressed:
        try:
            child = self._seats.get(timeout=SECONDS_FOR_TURN)
        except queue.Empty:
            raise PressUnavailable("every child of the press stayed busy") from None
        answered = False
        try:
            # A child may have died since its last photo, or be killed in the middle of this one by somebody
            # else. So the first end is not held against the photo; a fresh child tries it once more.
            for attempt in (1, 2):
                try:
                    child = self._ready(child)
                    answer = child.answer(given, self._seconds_for_answer)
                except _ChildEnded as ended:
                    log.warning("the photo press ended: %s", ended)
                    if ended.by_signal == signal.SIGXCPU:
                        raise Unpressable(Reason.TOO_SLOW) from None
                    if attempt == 2:
                        raise self._ended_twice(ended) from None
                    self._end(child)
                else:
                    answered = True
                    return _photo(answer)
            raise AssertionError("the second attempt returns or raises")
        except _NoAnswerInTime:
            raise PressUnavailable("the press gave no answer in time") from None
        finally:
            # A child that was left in the middle of an answer must never serve another photo.
            if not answered:
                self._end(child)
            self._seats.put(child if answered else None)

    def close(self) -> None:
        """End the children. Photos that are in the press at this moment are lost."""
        self._closed = True
        for child in list(self._started):
            child.kill()

    def forget_children(self) -> None:
        """Leave the children to the process that started them; for a process that was forked off it."""
        self._take_empty_seats()

    def processes(self) -> list[int]:
        """The process ids of the children that live now."""
        return [child.pid for child in list(self._started) if child.is_alive()]

    def _take_empty_seats(self) -> None:
        # The child used last is taken first, so that a quiet server keeps one child and not two.
        self._seats: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        for _seat in range(self._children):
            self._seats.put(None)
        self._started: set[_Child] = set()

    def _ready(self, child: "_Child | None") -> "_Child":
        if self._closed:
            raise PressUnavailable("the press is closed")
        if child and child.is_alive() and child.photos < PHOTOS_FOR_EACH_CHILD:
            return child
        self._end(child)
        child = _Child()
        self._started.add(child)
        return child

    def _ended_twice(self, ended: "_ChildEnded") -> Exception:
        if ended.by_signal in CRASHES:
            return Unpressable(Reason.UNREADABLE)
        return PressUnavailable(f"the press ended twice: {ended}")

    def _end(self, child: "_Child | None") -> None:
        if child:
            child.end()
            self._started.discard(child)


class _ChildEnded(Exception):
    """The child went away before it answered."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"exit code {code}")
        self.by_signal = -code if code is not None and code < 0 else None


class _NoAnswerInTime(Exception):
    """The child is still there but did not answer before the deadline."""


class _Child:
    """One running `press_worker.py` and the two pipes to it."""

    def __init__(self) -> None:
        # Isolated (-I): neither the current folder nor the environment decides what the child imports. It
        # gets no secret from the environment, and its own session, so that Ctrl-C lets it finish its photo.
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=os.sep,
                env={**kept, "MALLOC_ARENA_MAX": "1", "LC_ALL": "C.UTF-8"},
                start_new_session=True,
                bufsize=0,
            )
        except OSError as fault:
            raise PressUnavailable("the press cannot be started") from fault
        assert self._process.stdin
        assert self._process.stdout
        self._to = self._process.stdin.fileno()
        self._from = self._process.stdout.fileno()
        os.set_blocking(self._to, False)
        os.set_blocking(self._from, False)
        self.pid = self._process.pid
        self.photos = 0

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def answer(self, given: bytes, seconds: float) -> "Pressed | Reason":
        """Hand a file over and wait for what the child makes of it."""
        deadline = time.monotonic() + seconds
        self.photos += 1
        self._write(struct.pack(">I", len(given)) + given, deadline)
        kind = self._read(1, deadline)
        if kind == b"-":
            return _reason(self._read(self._read(1, deadline)[0], deadline))
        width, height, photo_length, thumb_length = struct.unpack(">IIII", self._read(16, deadline))
        if kind != b"+" or max(photo_length, thumb_length) > LONGEST_ANSWER:
            raise _not_to_be_believed()
        photo, thumb = self._read(photo_length, deadline), self._read(thumb_length, deadline)
        return Pressed(photo, thumb, width, height, hashlib.sha256(photo).hexdigest())

    def kill(self) -> None:
        """End the process and wait for it, so that none is left as a zombie."""
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """End the process and let go of the pipes to it; nobody may be reading from it."""
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def _write(self, given: bytes, deadline: float) -> None:
        rest = memoryview(given)
        while rest:
            self._wait_for(self._to, select.POLLOUT, deadline)
            try:
                rest = rest[os.write(self._to, rest[: 1 << 20]) :]
            except BlockingIOError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                raise self._ended() from None

    def _read(self, length: int, deadline: float) -> bytes:
        parts: list[bytes] = []
        while length:
            self._wait_for(self._from, select.POLLIN, deadline)
            try:
                part = os.read(self._from, min(length, 1 << 20))
            except BlockingIOError:
                continue
            if not part:
                raise self._ended()
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _wait_for(self, pipe: int, event: int, deadline: float) -> None:
        waiting = select.poll()
        waiting.register(pipe, event)
        left = deadline - time.monotonic()
        if left <= 0 or not waiting.poll(left * 1000):
            raise _NoAnswerInTime

    def _ended(self) -> _ChildEnded:
        try:
            return _ChildEnded(self._process.wait(timeout=1))
        except subprocess.TimeoutExpired:
            return _ChildEnded(None)


def _photo(answer: "Pressed | Reason") -> Pressed:
    if isinstance(answer, Reason):
        raise Unpressable(answer)
    return answer


def _not_to_be_believed() -> _ChildEnded:
    # For an answer that our drawing never gives: whatever runs in the child now has lost its way, as in a crash.
    return _ChildEnded(-signal.SIGABRT)


def _reason(word: bytes) -> Reason:
    try:
        return Reason(word.decode("ascii"))
    except ValueError:
        raise _not_to_be_believed() from None


# The one press of this process. It costs nothing until the first photo.
the_press = Press(children=min(2, os.cpu_count() or 1))
atexit.register(the_press.close)
# A forked server process must not talk into its parent's pipes: two would read one another's answers.
os.register_at_fork(after_in_child=the_press.forget_children)
