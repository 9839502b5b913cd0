"""The returnee's page: a door with code and PIN, one page behind it, and a few buttons to answer with.

Whoever tries at the door learns nothing: an unknown code, a wrong PIN and a locked code get the same answer
after the same work.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any
from uuid import UUID, uuid4

import segno
from flask import Blueprint, abort, current_app, make_response, redirect, request, url_for
from flask_babel import gettext as _
from markupsafe import Markup

from .. import clock, formats
from ..allocations.statements import lines_of
from ..cases.access import allowed_case, on_case
from ..cases.pages import case_view
from ..cases.queries import case_for_deed
from ..database import reading
from ..people import passwords
from ..web import begin_anew, may, page, public, returnees_only, signed_in
from . import actions, queries, words
from .forms import AnswerForm, DoorForm, WordForm, code_as_kept, code_as_shown

returnee_pages = Blueprint("returnee_pages", __name__)

COOKIE = "suivi-my"
CLOSES_AFTER = timedelta(minutes=2)
"""A page left open on a borrowed phone closes by itself: the page turns to the door, and the cookie is gone."""


def on_own_case(view: Callable[[UUID], Any]) -> Callable[[], Any]:
    """Give the view the id of the case whose returnee is looking; the closed door to everybody else."""

    @wraps(view)
    def guarded() -> Any:
        case_id = _case_looked_at()
        if case_id is None:
            return _door(DoorForm(), 401, notice=_("La page s’est fermée. Ouvrez-la de nouveau."))
        return view(case_id)

    return guarded


@returnee_pages.get("/my")
@public
def show() -> Any:
    case_id = _case_looked_at()
    if case_id is None:
        # The square on the card carries the code, never the PIN.
        return _door(DoorForm(code=code_as_shown(code_as_kept(request.args.get("code", "")[:60]))))
    said = words.SAID.get(request.args.get("said", ""))
    answer = make_response(_page("returnee/status.html", **_status(case_id), said=said and said()))
    _keep_open(answer, request.cookies[COOKIE])
    return answer


@returnee_pages.get("/cases/<uuid:case_id>/card")
@on_case("returnee_card.give")
def card(case: Any) -> Any:
    return page(
        "returnee/card_new.html",
        case=case_view(case, signed_in().locale),
        made_at=queries.card_made_at(case.id),
    )


@returnee_pages.post("/cases/<uuid:case_id>/card")
@on_case("returnee_card.give")
def give_card(case: Any) -> Any:
    held = case_for_deed(case.id)
    assert held is not None
    code, pin = actions.give_card(held, by=signed_in().id, now=clock.now())
    address = url_for("returnee_pages.show", _external=True)
    status = queries.status_of(case.id)
    return page(
        "returnee/card.html",
        case=case_view(case, signed_in().locale),
        code=code_as_shown(code),
        pin=pin,
        address=address.split("://", 1)[1],
        square=Markup(segno.make(f"{address}?code={code}", error="m").svg_inline(border=4, omitsize=True)),  # noqa: S704
        office_name=status.office_name,
        office_phone=formats.phone(status.office_phone),
    )


@returnee_pages.get("/returnee-words/<uuid:word_id>")
@may("returnee_word.act")
def show_word(word_id: UUID) -> Any:
    word, case = _word(word_id)
    return _word_page(word, case, AnswerForm())


@returnee_pages.post("/returnee-words/<uuid:word_id>/answer")
@may("returnee_word.act")
def answer(word_id: UUID) -> Any:
    _found, case = _word(word_id)
    form = AnswerForm(request.form)
    if not form.validate():
        return _word_page(_found, case, form, 422)
    # Whoever else answers at this moment waits here, and finds the answer.
    held = case_for_deed(case.id) or abort(404)
    begun = queries.find_word(word_id) or abort(404)
    actions.answer(begun, held, form.answer.data or "", by=signed_in().id, now=clock.now())
    return redirect(f"/returnee-words/{word_id}", 303)


def _word(word_id: UUID) -> tuple[Any, Any]:
    """A word that asks for an answer, with its case, for whoever may answer; 404 otherwise."""
    word = queries.find_word(word_id) or abort(404)
    case = allowed_case(word.case_id, "returnee_word.answer")
    return word if word.kind in words.ASKED else abort(404), case


def _word_page(word: Any, case: Any, form: AnswerForm, status: int = 200) -> Any:
    return page(
        "returnee/word.html",
        status,
        case=case_view(case, signed_in().locale),
        word={
            "id": str(word.id),
            "said": words.ASKED[word.kind](),
            "at": word.said_at,
            "request": str(word.request_id) if word.request_id else "",
            "what": queries.what_of(word),
            "answer": word.answer,
            "answered_at": word.answered_at,
            "answered_by": queries.answered_by(word),
        },
        form=form,
    )


@returnee_pages.get("/my/closed")
@public
def closed() -> Any:
    answer = make_response(_door(DoorForm(), notice=_("La page s’est fermée. Ouvrez-la de nouveau.")))
    answer.delete_cookie(COOKIE, path="/my")
    return answer


@returnee_pages.get("/my/sign-in")
@returnee_pages.get("/my/words")
@public
def back_to_the_door() -> Any:
    # The language buttons come back to the address of the page they stand on.
    return redirect(url_for("returnee_pages.show"), 303)


@returnee_pages.post("/my/sign-in")
@public
def sign_in() -> Any:
    form = DoorForm(request.form)
    if not form.validate():
        return _door(form, 422)
    code, now = code_as_kept(form.code.data), clock.now()
    # The count is a transaction of its own, and nobody waits for the database while a PIN is checked.
    begin_anew()
    may_check = actions.count_try(code, now=now)
    with reading():
        access = queries.find_access(code)
    begin_anew()
    right = passwords.matches(code_as_kept(form.pin.data), access.pin_hash if access and may_check else None)
    if not right or access is None:
        form.pin.errors = [
            # The number of the office itself would say that the code is known.
            _(
                "Ce code et ce numéro ne vont pas ensemble, ou il y a eu trop d’essais. Appelez votre bureau :"
                " son numéro est sur votre carte."
            )
        ]
        return _door(form, 422)
    answer = redirect(url_for("returnee_pages.show"), 303)
    _keep_open(answer, actions.open_session(code, access.case_id, now=now))
    return answer


@returnee_pages.post("/my/words")
@returnees_only
@on_own_case
def say(case_id: UUID) -> Any:
    form = WordForm(request.form)
    case = case_for_deed(case_id)
    if case is None or not form.validate():
        abort(400)
    kind = form.kind.data or ""
    if form.request_id and not queries.is_told_of(case_id, form.request_id):
        abort(400)
    try:
        actions.say(case, kind, id=form.id.uuid, now=clock.now(), request_id=form.request_id)
    except actions.SaidEnough:
        abort(429)
    return redirect(url_for("returnee_pages.show", said=kind), 303)


@returnee_pages.post("/my/sign-out")
@public
def sign_out() -> Any:
    if secret := request.cookies.get(COOKIE):
        actions.end_session(secret)
    answer = redirect(url_for("returnee_pages.show"), 303)
    answer.delete_cookie(COOKIE, path="/my")
    return answer


def _case_looked_at() -> UUID | None:
    secret = request.cookies.get(COOKIE)
    return queries.case_of_session(secret, now=clock.now()) if secret else None


def _keep_open(answer: Any, secret: str) -> None:
    secure = current_app.extensions["settings"].secure_cookies
    answer.set_cookie(
        COOKIE, secret, max_age=CLOSES_AFTER, path="/my", httponly=True, secure=secure, samesite="Lax"
    )


def _door(form: DoorForm, status: int = 200, notice: str = "") -> tuple[str, int]:
    # Who chooses the language at the door need not type the code again.
    here = url_for("returnee_pages.show", code=(form.code.data or "")[:60] or None)
    return _page("returnee/door.html", status, form=form, notice=notice, here=here)


def _page(template: str, status: int = 200, **context: Any) -> tuple[str, int]:
    # A returnee sees none of the frame of staff, also on the phone of somebody who is signed in.
    return page(template, status, nav=None, phone_person=None, **context)


def _status(case_id: UUID) -> dict[str, Any]:
    status = queries.status_of(case_id)
    phone, purchases = status.office_phone, queries.purchases_of(case_id)
    return {
        "money": _money_rows(status.promise) if status.promise else None,
        "purchases": [_purchase(purchase) for purchase in purchases],
        "answers": [
            {
                "said": words.ASKED[word.kind](),
                "at": word.said_at,
                "answer": word.answer,
                "answered_at": word.answered_at,
            }
            for word in queries.words_of(case_id)
        ],
        "lines": [_line(line) for line in lines_of(case_id)],
        # Money that was paid before purchases were followed one by one.
        "asks_receipt": bool(status.promise and status.promise.paid.minor and not purchases),
        "current": {"words": words.STEPS[status.step](), "since": status.since},
        "next_contact": status.next_contact,
        "contact": {
            "name": status.office_name,
            "shown": formats.phone(phone),
            "tel_href": f"tel:{''.join(letter for letter in phone if letter.isdigit() or letter == '+')}",
        },
        "closes_after": int(CLOSES_AFTER.total_seconds()),
        "new_id": uuid4,
    }


def _purchase(purchase: queries.Purchase) -> dict[str, Any]:
    return {
        "id": str(purchase.id),
        "what": words.purchase_name(purchase.what, purchase.category),
        "amount": formats.money(purchase.amount),
        "steps": [{"words": words.PURCHASE_STEPS[step](), "at": at} for step, at in purchase.steps],
        "asks_receipt": purchase.asks_receipt,
    }


def _line(line: dict[str, Any]) -> dict[str, Any]:
    """A line of the ledger: what was bought as on the card, and no name or reason that staff wrote for staff."""
    # Other lines say why, in the words of whoever posted them.
    bought = line["category"] and line["kind"] in ("set_aside", "disbursed")
    what = words.purchase_name(line["what"], line["category"]) if bought else ""
    return {name: line[name] for name in ("title", "posted_at", "amount", "local_amount")} | {"what": what}


def _money_rows(promise: queries.Promise) -> dict[str, dict[str, str]]:
    at_home = promise.at_home or {}
    return {
        name: {
            "amount": formats.money(getattr(promise, name)),
            "at_home": formats.money(at_home[name]) if name in at_home else "",
        }
        for name in ("promised", "paid", "fees", "set_aside", "later", "left")
        if name in ("promised", "paid", "left") or getattr(promise, name).minor
    }
