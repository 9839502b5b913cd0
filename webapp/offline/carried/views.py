"""Bring a file of sealed work: any signed-in colleague may, for anybody's phone."""

from typing import Any

from flask import Blueprint, request
from flask_babel import gettext as _
from werkzeug.exceptions import RequestEntityTooLarge

from ... import clock
from ...web import begin_anew, may, page, signed_in
from ..views import desk
from . import actions

carried = Blueprint("carried", __name__)

_AROUND_THE_FILE = 16 * 1024
"""Room for what a form wraps around its file."""


@carried.get("/outbox/carried")
@may("outbox.carry")
def choose() -> Any:
    return page("offline/carried.html")


@carried.post("/outbox/carried")
@may("outbox.carry")
def bring() -> Any:
    request.max_content_length = actions.LARGEST_FILE + _AROUND_THE_FILE
    by = signed_in()
    try:
        sent = request.files.get("file")
        if sent is None or not sent.filename:
            return _sent_back(_("Choisissez un fichier."))
        envelopes, unreadable = actions.read_file(sent.stream)
    except RequestEntityTooLarge:
        return _sent_back(_("Ce fichier est trop grand."))
    except actions.NotCarriedWork:
        return _sent_back(_("Ce fichier n’a pas été fait par Suivi."))
    begin_anew()  # whoever brings it is known; no transaction stays open while the file is worked through
    found = actions.take_in(envelopes, desk(), by=by, now=clock.now())
    return page("offline/carried.html", found=found, unreadable=unreadable)


def _sent_back(sentence: str) -> Any:
    return page("offline/carried.html", 422, errors={"file": [sentence]})
