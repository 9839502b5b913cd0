"""A person at a browser without scripts: opens pages, posts forms; every page is checked for its manners."""

from typing import Any
from uuid import UUID

import html5lib
from bs4 import BeautifulSoup
from flask import Flask
from flask.testing import FlaskClient

from webapp import clock
from webapp.database import db
from webapp.people import sessions
from webapp.people.models import Staff


class Page:
    """An answer, read as a page."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self.status: int = response.status_code
        self.html: str = response.get_data(as_text=True)
        self.soup = BeautifulSoup(self.html, "html5lib")

    def text(self, selector: str = "main") -> str:
        """The words of the first element found, spaces folded."""
        found = self.soup.select_one(selector)
        return " ".join(found.get_text(" ").split()) if found else ""

    def texts(self, selector: str) -> list[str]:
        return [" ".join(found.get_text(" ").split()) for found in self.soup.select(selector)]


class Person:
    """Someone signed in (or nobody) with a browser of their own."""

    def __init__(self, app: Flask, staff_id: UUID | None = None) -> None:
        self.app = app
        self.client: FlaskClient = app.test_client()
        self.id = staff_id
        if staff_id is not None:
            with app.app_context():
                staff = db.session.get_one(Staff, staff_id)
                signed_in = sessions.start_session(
                    staff, now=clock.now(), settings=app.extensions["settings"]
                )
                db.session.commit()
            with self.client.session_transaction() as cookie:
                cookie["_user_id"] = signed_in.secret
                cookie["_fresh"] = True

    def opens(self, path: str, status: int = 200, **headers: str) -> Page:
        """GET a page; its status and manners are checked."""
        page = Page(self.client.get(path, headers=headers))
        assert page.status == status, f"{path}: {page.status}\n{page.text()}"
        if page.response.mimetype == "text/html" and not 300 <= status < 400 and "HX-Request" not in headers:
            check_manners(page)
        return page

    def posts(
        self, path: str, fields: dict[str, Any] | None = None, status: int = 303, **headers: str
    ) -> Page:
        """POST a form; pages that come back are checked for their manners."""
        page = Page(self.client.post(path, data=fields or {}, headers=headers))
        assert page.status == status, f"{path}: {page.status}\n{page.text()}"
        if page.response.mimetype == "text/html" and status != 303 and "HX-Request" not in headers:
            check_manners(page)
        return page


def check_manners(page: Page) -> None:
    """What every page owes its readers."""
    parser = html5lib.HTMLParser(strict=True)
    parser.parse(page.html)
    soup = page.soup
    html = soup.html
    assert html is not None
    assert html.get("lang")
    assert html.get("dir") in ("ltr", "rtl")
    assert soup.title is not None
    assert soup.title.get_text().strip()
    assert len(soup.select("h1")) == 1, "a page has one h1"
    ids = [element["id"] for element in soup.select("[id]")]
    assert len(ids) == len(set(ids)), f"ids stand twice: {sorted(i for i in ids if ids.count(i) > 1)}"
    assert not soup.select("[style]"), "no inline style"
    assert not [script for script in soup.select("script") if not script.get("src")], "no inline script"
    assert not [e for e in soup.find_all(True) for name in e.attrs if name.startswith("on")], (
        "no inline handler"
    )
    for control in soup.select("input:not([type=hidden]):not([type=submit]), select, textarea"):
        named = control.get("aria-label") or control.get("aria-labelledby") or control.find_parent("label")
        assert named or (control.get("id") and soup.select(f'label[for="{control["id"]}"]')), (
            f"no label: {control}"
        )
    for image in soup.select("img"):
        assert image.has_attr("alt"), f"no alt: {image}"
