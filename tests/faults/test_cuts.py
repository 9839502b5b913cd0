"""Every connection breaks somewhere: at each 64th byte of a visit, at each kilobyte of a photo, both ways."""

from functools import partial

import pytest

from tests.faults import planted
from tests.faults.conftest import Sent, account_of, phone_at
from tests.faults.serving import Server
from tests.phone import Cut, a_picture
from tests.proxy import Line


@pytest.fixture
def fault():
    """What is wrong with the server."""
    return ""


@pytest.fixture
def server(app, tmp_path, fault):
    with Server(tmp_path, app.extensions["settings"].database_url, fault) as server:
        yield server


@pytest.fixture
def line(server):
    with Line(server.port) as line:
        yield line


@pytest.fixture
def aminata(cast):
    return cast.aminata


@pytest.fixture
def phone(app, cast, line):
    return phone_at(app, line.port, cast.ibrahima)


def account_of_visits_cut(app, server, phone, line, case):
    """Each visit's request and answer are cut 64 bytes later than the one before; then the server falls."""
    sent = Sent()
    cut_after, whole = 0, False
    while not whole:
        visit = sent.visit(phone, case)
        line.cut_after = cut_after
        whole = _gets_through(phone.post, visit)
        line.cut_after = None
        phone.deliver(tries=3)
        cut_after += 64
    server.kill()
    assert cut_after > 30 * 64, "the request and its answer were cut many times"
    return account_of(app, sent)


def account_of_photos_cut(app, phone, line, case):
    """The last part of each photo is cut a kilobyte later than that of the one before; then it comes again."""
    sent = Sent()
    visit = sent.visit(phone, case)
    phone.deliver(tries=1)
    for n in range(2):
        cut_after, whole = 0, False
        while not whole:
            photo = sent.photo(phone, visit, case, a_picture(190))
            assert len(photo.parts) == 2
            phone.put_part(photo, 1 - n)
            line.cut_after = cut_after
            whole = _gets_through(phone.put_part, photo, n)
            line.cut_after = None
            assert not whole or photo.id in phone.receipts, "the last part brings the receipt"
            phone.deliver(tries=3)
            cut_after += 1024
    assert len(sent.photos) > 34
    return account_of(app, sent)


def test_a_visit_cut_at_every_64th_byte_is_recorded_once(app, server, phone, line, aminata):
    account = account_of_visits_cut(app, server, phone, line, aminata)
    assert account.is_clean, account


def test_a_photo_cut_at_every_kilobyte_is_kept_once_and_whole(app, phone, line, aminata):
    account = account_of_photos_cut(app, phone, line, aminata)
    assert account.is_clean, account


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("fault", [partial(planted.acknowledge_before_commit, moment=1)])
def test_cut_visits_find_out_who_acknowledges_before_it_commits(
    app, server, phone, line, aminata, engine, fault
):
    assert account_of_visits_cut(app, server, phone, line, aminata).lost > 0


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("fault", ["parts joined as they came"])
def test_cut_photos_find_out_who_joins_parts_as_they_came(app, phone, line, aminata, engine, fault):
    with pytest.raises(AssertionError, match="brings the receipt"):
        account_of_photos_cut(app, phone, line, aminata)


def test_every_answer_of_a_photo_may_be_lost(app, phone, line, aminata):
    sent = Sent()
    visit = sent.visit(phone, aminata)
    phone.deliver(tries=1)
    photo = sent.photo(phone, visit, aminata, a_picture(330))
    line.mode = "deaf"
    for n in range(len(photo.parts)):
        assert not _gets_through(phone.put_part, photo, n)
    line.mode = "ok"
    phone.deliver(tries=1)
    assert account_of(app, sent).is_clean, account_of(app, sent)


def test_nothing_but_the_servers_own_answer_is_taken_for_a_receipt(app, phone, line, aminata):
    sent = Sent()
    visit = sent.visit(phone, aminata)
    photo = sent.photo(phone, visit, aminata, a_picture(60))
    for mode in ("portal", "redirect", "empty", "unauthorised", "reset"):
        line.mode = mode
        assert not _gets_through(phone.post, visit), mode
        assert not _gets_through(phone.put_part, photo, 0), mode
        assert len(phone.outbox) == 2
    line.mode = "ok"
    phone.deliver(tries=1)
    assert account_of(app, sent).is_clean


def _gets_through(send, *what):
    """Whether an answer of the server came back whole."""
    try:
        answer = send(*what)
    except Cut:
        return False
    return answer.status == 200 and isinstance(answer.json, dict)
