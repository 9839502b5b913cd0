"""Every connection breaks somewhere: at each 64th byte of a visit, at each kilobyte of a photo, both ways."""

import pytest

from tests.faults.conftest import Sent, account_of, phone_at
from tests.faults.serving import Server
from tests.phone import Cut, a_picture
from tests.proxy import Line


@pytest.fixture
def server(app, tmp_path):
    with Server(tmp_path, app.extensions["settings"].database_url) as server:
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


def test_a_visit_cut_at_every_64th_byte_is_recorded_once(app, phone, line, aminata):
    sent = Sent()
    cut_after, whole = 0, False
    while not whole:
        visit = sent.visit(phone, aminata)
        line.cut_after = cut_after
        whole = _gets_through(phone.post, visit)
        line.cut_after = None
        phone.deliver(tries=3)
        cut_after += 64
    assert cut_after > 30 * 64, "the request and its answer were cut many times"
    assert account_of(app, sent).is_clean, account_of(app, sent)


def test_a_photo_cut_at_every_kilobyte_is_kept_once_and_whole(app, phone, line, aminata):
    sent = Sent()
    visit = sent.visit(phone, aminata)
    phone.deliver(tries=1)
    for n in range(2):
        cut_after, whole = 0, False
        while not whole:
            photo = sent.photo(phone, visit, aminata, a_picture(190))
            assert len(photo.parts) == 2
            # The parts before it are there; part n and its answer are cut; then what is missing comes again.
            for before in range(n):
                phone.put_part(photo, before)
            line.cut_after = cut_after
            whole = _gets_through(phone.put_part, photo, n)
            line.cut_after = None
            phone.deliver(tries=3)
            cut_after += 1024
    assert len(sent.photos) > 34
    assert account_of(app, sent).is_clean, account_of(app, sent)


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
