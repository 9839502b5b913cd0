"""Passwords: argon2id, one at a time so that many sign-ins cannot fill the memory."""

from functools import cache
from threading import Semaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12
_HASHER = PasswordHasher()
_ONE_AT_A_TIME = Semaphore(2)
_TOO_COMMON = {
    "motdepasse12", "password1234", "123456789012", "azertyuiop12", "qwertyuiop12", "111111111111",
}  # fmt: skip


def hashed(password: str) -> str:
    """The argon2id hash to keep."""
    with _ONE_AT_A_TIME:
        return _HASHER.hash(password)


def matches(password: str, kept: str | None) -> bool:
    """Whether the password is right. Without a kept hash it takes as long and says no."""
    with _ONE_AT_A_TIME:
        try:
            return _HASHER.verify(kept or _nobodys(), password) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


def is_acceptable(password: str) -> bool:
    """Long enough, not one of those everybody tries first, not one character over and over."""
    return len(password) >= SHORTEST and password.lower() not in _TOO_COMMON and len(set(password)) > 4


@cache
def _nobodys() -> str:
    return _HASHER.hash("nobody has this password")
