"""The server is killed again and again while phones deliver: nothing is lost, doubled, damaged or misnamed."""

import random
import threading
import time

from flask import Flask

from tests.faults.conftest import Account, Sent, account_of, phone_at
from tests.faults.serving import Server
from tests.phone import Cut, Phone, a_picture

PHONES = 3
VISITS = 300
KILLS = 25


def account_after_kills(
    app: Flask, cast, mariamas_case, folder, *, visits: int = VISITS, kills: int = KILLS, fault: str = ""
) -> Account:
    """Three phones deliver visits with a photo each while the server is killed at random moments."""
    chance = random.Random(visits)
    sent = Sent()
    with Server(folder, app.extensions["settings"].database_url, fault) as server:
        phones = [
            phone_at(app, server.port, cast.ibrahima),
            phone_at(app, server.port, cast.mariama),
            phone_at(app, server.port, cast.ibrahima, cast.mariama),
        ]
        for n in range(visits):
            phone = phones[n % PHONES]
            by = list(phone.enrolments)[n % len(phone.enrolments)]
            case = cast.aminata if by == cast.ibrahima else mariamas_case
            visit = sent.visit(phone, case, by=by, notes=f"Visite {n}")
            sent.photo(phone, visit, case, a_picture(190, seed=n), by=by)
        senders = [
            threading.Thread(target=_send_until_settled, args=(phone, n)) for n, phone in enumerate(phones)
        ]
        for sender in senders:
            sender.start()
        # Each kill waits for so many receipts, so that all of them fall into the delivering.
        for receipts in sorted(chance.sample(range(int(visits * 1.9)), kills)):
            while sum(len(phone.receipts) for phone in phones) < receipts and any(
                phone.outbox for phone in phones
            ):
                time.sleep(0.002)
            time.sleep(chance.uniform(0, 0.05))
            assert any(phone.outbox for phone in phones), "every kill fell into the delivering"
            server.kill()
            server.start()
        for sender in senders:
            sender.join(timeout=240)
    assert not any(phone.outbox for phone in phones), "every piece found its receipt"
    return account_of(app, sent)


def _send_until_settled(phone: Phone, seed: int) -> None:
    """Small batches and one photo at a time, in any order; the same bytes after every cut."""
    chance = random.Random(seed)
    give_up_at = time.monotonic() + 240
    while phone.outbox and time.monotonic() < give_up_at:
        try:
            texts = [piece for piece in phone.outbox.values() if piece.kind != "photo"]
            photos = [piece for piece in phone.outbox.values() if piece.kind == "photo"]
            if texts:
                answer = phone.post(*chance.sample(texts, min(len(texts), chance.randint(1, 4))))
                assert answer.status in (200, 503), answer.body
            for photo in chance.sample(photos, min(len(photos), 3)):
                phone.resume_photo(photo)
        except Cut:
            time.sleep(0.05)


def test_a_server_killed_25_times_loses_and_doubles_nothing(app, cast, mariamas_case, tmp_path):
    account = account_after_kills(app, cast, mariamas_case, tmp_path)
    assert account.is_clean, account


def test_a_server_that_acknowledges_before_it_commits_is_found_out(app, cast, mariamas_case, tmp_path):
    account = account_after_kills(
        app, cast, mariamas_case, tmp_path, visits=90, kills=6, fault="acknowledge before commit"
    )
    assert account.lost > 0
