"""The keys of an installation: made once, kept by its owner, old ones open for ever."""

import binascii
import secrets
import stat
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.keys import CannotOpen, Keyring, b64, sealing_info, unb64

PLACE = {"table": "check_ins", "row": uuid4(), "column": "answers"}


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring.open(tmp_path / "keys")


def test_processes_that_start_at_once_make_one_keyring(tmp_path: Path) -> None:
    say = (
        "import sys; from pathlib import Path; from webapp.keys import Keyring\n"
        "k = Keyring.open(Path(sys.argv[1]))\n"
        "print(sorted(k.field), sorted(k.sealing), k.public_vapid_key(), k.secret)"
    )
    for round_ in range(3):
        folder = tmp_path / str(round_)
        started = [
            subprocess.Popen([sys.executable, "-c", say, str(folder)], stdout=subprocess.PIPE)
            for _ in range(4)
        ]
        said = {process.communicate()[0] for process in started}
        assert len(said) == 1
        assert b"[" in said.pop()


def test_only_their_owner_reads_the_keys(tmp_path: Path) -> None:
    Keyring.open(tmp_path / "keys")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").glob("[a-z]*")}
    assert modes
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_opening_again_changes_no_key(tmp_path: Path) -> None:
    def files() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()}

    Keyring.open(tmp_path / "keys")
    before = files()
    Keyring.open(tmp_path / "keys")
    assert files() == before


def test_a_new_key_seals_and_the_old_one_still_opens(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    old = Keyring.open(folder)
    sealed = old.seal_field({"a": 1}, **PLACE)
    # Rotation: the new key is made on the same day, right after the old one.
    for name in ("field-*.key", "sealing-*.pem"):
        (kept,) = folder.glob(name)
        kept.rename(folder / f"_{kept.name}")
    Keyring.open(folder)
    for kept in folder.glob("_*"):
        kept.rename(folder / kept.name[1:])
    both = Keyring.open(folder)
    assert both.newest_field != old.newest_field
    assert both.newest_sealing != old.newest_sealing
    assert both.open_field(sealed, **PLACE) == {"a": 1}
    fresh = both.seal_field({"a": 2}, **PLACE)
    assert both.open_field(fresh, **PLACE) == {"a": 2}
    with pytest.raises(CannotOpen):
        old.open_field(fresh, **PLACE)
    assert both.public_sealing_key()["key"] == both.newest_sealing


def test_what_was_sealed_for_a_place_opens_nowhere_else(keyring: Keyring) -> None:
    sealed = keyring.seal_field([1, 2], **PLACE)
    for elsewhere in ({"table": "red_flags"}, {"row": uuid4()}, {"column": "result"}):
        with pytest.raises(CannotOpen):
            keyring.open_field(sealed, **{**PLACE, **elsewhere})


def test_a_change_of_any_byte_is_noticed(keyring: Keyring) -> None:
    sealed = keyring.seal_field({"who5_1": 3}, **PLACE)
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(CannotOpen):
            keyring.open_field(bytes(changed), **PLACE)
        with pytest.raises(CannotOpen):
            keyring.open_field(sealed[:at], **PLACE)


@given(st.binary(max_size=80))
def test_any_bytes_open_or_are_refused(given_bytes: bytes) -> None:
    keyring = _one_keyring()
    with pytest.raises(CannotOpen):
        keyring.open_field(given_bytes, **PLACE)
    with pytest.raises(CannotOpen):
        keyring.open_sealed(given_bytes, key=keyring.newest_sealing, kind="visit", id="x")


def test_a_submission_opens_under_its_own_kind_and_id_only(keyring: Keyring) -> None:
    from cryptography.hazmat.primitives import hpke

    from webapp.keys import SUITE

    assert isinstance(SUITE, hpke.Suite)
    public = keyring.sealing[keyring.newest_sealing].public_key()
    sealed = SUITE.encrypt(b"frozen", public, info=sealing_info("visit", "1"))
    key = keyring.newest_sealing
    assert keyring.open_sealed(sealed, key=key, kind="visit", id="1") == b"frozen"
    for kind, id, kid in (("check-in", "1", key), ("visit", "2", key), ("visit", "1", "unknown")):
        with pytest.raises(CannotOpen):
            keyring.open_sealed(sealed, key=kid, kind=kind, id=id)


def test_base64url_goes_there_and_back() -> None:
    for length in range(70):
        value = secrets.token_bytes(length)
        assert unb64(b64(value)) == value
    with pytest.raises(binascii.Error):
        unb64("a b")


_KEPT: list[Keyring] = []


def _one_keyring() -> Keyring:
    if not _KEPT:
        import tempfile

        _KEPT.append(Keyring.open(Path(tempfile.mkdtemp())))
    return _KEPT[0]
