"""The case's page: what happened, newest first and to its beginning; whom to call; what comes next."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from flask import Flask

from tests.cast import Cast
from tests.phone import visit_fields
from webapp import clock
from webapp.cases.models import Case
from webapp.database import db

LAST = 84
"""Enough for more than two pages."""


def test_all_that_happened_is_told_newest_first_and_page_by_page_to_its_beginning(
    app: Flask, cast: Cast, ibrahima: Any
) -> None:
    now = clock.now()
    # Sent in another order than they happened, and several at one moment.
    for n in (LAST, *range(LAST)):
        at = (now - timedelta(days=1 + n // 3)).strftime("%Y-%m-%dT%H:%M")
        said = {**visit_fields(notes=f"visite {n:02d}", visited_at=at), "id": str(uuid4())}
        ibrahima.posts(f"/cases/{cast.aminata}/visits", said)
    path, moments, told, pages = f"/cases/{cast.aminata}", [], [], 0
    while path:
        page = ibrahima.opens(path)
        entries = page.soup.select("#timeline .entry")
        moments += [entry.select_one("time")["datetime"] for entry in entries]
        told += [entry.get_text(" ") for entry in entries]
        more = page.soup.select_one("#timeline .more-rows a")
        path = more["href"] if more else ""
        pages += 1
    assert pages > 2
    assert moments == sorted(moments, reverse=True)
    for n in range(LAST + 1):
        assert sum(f"visite {n:02d}" in entry for entry in told) == 1, n


def test_whom_to_call_and_what_comes_next_stand_on_the_page(app: Flask, cast: Cast, ibrahima: Any) -> None:
    page = ibrahima.opens(f"/cases/{cast.aminata}")
    numbers = [link["href"] for link in page.soup.select(".calls a[href^='tel:+']")]
    assert numbers
    today = clock.today("Africa/Conakry")
    for days, channel, said in ((3, "call", "Prochain contact"), (-40, "home_visit", "Contact en retard")):
        with app.app_context():
            case = db.session.get_one(Case, cast.aminata)
            case.next_follow_up_on = case.next_follow_up_ends_on = today + timedelta(days=days)
            case.next_follow_up_channel = channel
            db.session.commit()
        told = ibrahima.opens(f"/cases/{cast.aminata}").text(".next-follow-up")
        assert said in told
        assert {"call": "Appel", "home_visit": "Visite à domicile"}[channel] in told
