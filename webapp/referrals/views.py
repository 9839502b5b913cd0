"""A case's referrals, each with its next deed, and the letter that goes with one."""

from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, abort, current_app, redirect, request, url_for
from flask_babel import gettext as _

from .. import clock, formats
from ..cases.access import allowed_case, on_case
from ..cases.pages import case_view
from ..cases.queries import case_for_deed
from ..fields import show_sentences
from ..permissions import may as policy_allows
from ..web import NeedsAttention, begin_anew, may, page, signed_in
from . import queries
from .deeds import form_for, step_form, take_step_from, write_referral_from
from .forms import CONSENT_NAMES, OUTCOME_NAMES, URGENCY_NAMES, WAY_NAMES, ReferralForm, StepForm
from .models import Referral
from .states import DEEDS, ENDED, UNANSWERED, WITHOUT_CONSENT, possible
from .words import DEED_NAMES, NEXT_NAMES, STATE_NAMES, STEP_NAMES, service_name

referrals = Blueprint("referrals", __name__)

TONES = {"refused": "bad", "did_not_come": "wait", "accepted": "good", "seen": "good", "outcome": "good"}


def listed(found: list[Referral], case: Any, person: Any, *, on_phone: bool = False) -> dict[str, Any]:
    """A case's referrals as its list shows them. Of those that this person may not read, and of restricted ones on a
    phone, it says only how many are open and since when."""
    keyring, now = current_app.extensions["keyring"], clock.now()
    rows, since = [], []
    for referral in found:
        if queries.reads(person, referral, case) and not (on_phone and referral.restricted):
            rows.append(_row(referral, queries.content_of(referral, keyring), now))
        elif referral.state not in ENDED:
            since.append(referral.written_at)
    return {"rows": rows, "unread": len(since), "unread_since": min(since, default=None)}


def _row(referral: Referral, content: dict[str, str], now: Any) -> dict[str, Any]:
    waits = referral.state in UNANSWERED
    return {
        "id": str(referral.id),
        "service": service_name(content["service"]),
        "provider": content["name"],
        "state": STATE_NAMES[referral.state](),
        "tone": TONES.get(referral.state, "wait" if waits else "quiet"),
        "next": NEXT_NAMES[referral.state]() if referral.state in NEXT_NAMES else "",
        "due_at": referral.due_at if waits else None,
        "late": waits and referral.due_at <= now,
    }


@referrals.get("/cases/<uuid:case_id>/referrals")
@on_case("referral.see")
def index(case: Any) -> Any:
    person = signed_in()
    found = queries.referrals_of([case.id])[case.id]
    return page("referrals/index.html", **list_page(case, person=person), **listed(found, case, person))


def list_page(case: Any, *, person: Any) -> dict[str, Any]:
    """What ``referrals/index.html`` needs beside its rows."""
    return {
        "case": case_view(case, person.locale),
        "may_write": policy_allows(person, "referral.write", case),
        "as_of": clock.now(),
    }


@referrals.get("/cases/<uuid:case_id>/referrals/new")
@on_case("referral.write")
def new(case: Any) -> Any:
    person = signed_in()
    return page("referrals/new.html", **new_page(case, blank_referral(case, person=person), person=person))


def blank_referral(case: Any, *, person: Any) -> ReferralForm:
    """An empty form under a fresh id."""
    form = form_for(case, by=person, now=clock.now())
    form.id.data = uuid4()
    return form


def new_page(case: Any, form: ReferralForm, *, person: Any) -> dict[str, Any]:
    """What ``referrals/new.html`` needs."""
    return {"case": case_view(case, person.locale), "form": form}


@referrals.post("/cases/<uuid:case_id>/referrals")
@on_case("referral.write")
def write(case: Any) -> Any:
    person, now = signed_in(), clock.now()
    locked = case_for_deed(case.id) or abort(404)
    try:
        referral = write_referral_from(
            request.form, case=locked, by=person, now=now, keyring=current_app.extensions["keyring"]
        )
    except NeedsAttention as refused:
        form = form_for(case, request.form, by=person, now=now)
        form.validate()
        show_sentences(form, refused)
        return page("referrals/new.html", 422, **new_page(case, form, person=person))
    return redirect(url_for("referrals.show", referral_id=referral.id), 303)


@referrals.get("/referrals/<uuid:referral_id>")
@may("home.see")
def show(referral_id: UUID) -> Any:
    referral, case = _readable(referral_id)
    return page("referrals/show.html", **_page_of(referral, case))


@referrals.post("/referrals/<uuid:referral_id>/<any(" + ",".join(DEEDS) + "):deed>")
@may("home.see")
def take(referral_id: UUID, deed: str) -> Any:
    referral, case = _readable(referral_id, "referral.write")
    person, now = signed_in(), clock.now()
    locked = case_for_deed(case.id) or abort(404)
    try:
        take_step_from(
            request.form, deed, referral=referral, case=locked, by=person, now=now,
            keyring=current_app.extensions["keyring"],
        )  # fmt: skip
    except NeedsAttention as refused:
        begin_anew()
        referral, case = _readable(referral_id, "referral.write")
        form = step_form(deed, request.form, by=person, now=now)
        form.validate()
        show_sentences(form, refused)
        return page(
            "referrals/show.html", 422, **_page_of(referral, case, typed=form, refused=refused.errors)
        )
    return redirect(url_for("referrals.show", referral_id=referral_id), 303)


@referrals.get("/referrals/<uuid:referral_id>/letter")
@may("home.see")
def letter(referral_id: UUID) -> Any:
    referral, case = _readable(referral_id, "referral.write")
    if not _has_letter(referral):
        said = {"": [_("Sans l’accord de la personne, il n’y a pas de lettre.")]}
        return page("referrals/show.html", 422, **_page_of(referral, case, refused=said))
    content = queries.content_of(referral, current_app.extensions["keyring"])
    return page(
        "referrals/letter.html",
        case=case_view(case, signed_in().locale),
        referral=referral,
        content=content,
        service=service_name(content["service"]),
        urgency=dict(URGENCY_NAMES)[referral.urgency],
        sender=queries.sender_of(case, referral.by_id),
        today=clock.today(signed_in().timezone),
        shown=formats.phone,
    )


def _readable(referral_id: UUID, action: str = "referral.see") -> tuple[Referral, Any]:
    """The referral and its case, for somebody who may read it and do this; else 404 or 403."""
    referral = queries.find_referral(referral_id) or abort(404)
    case = allowed_case(referral.case_id, action)
    if not queries.reads(signed_in(), referral, case):
        abort(404)
    return referral, case


def _has_letter(referral: Referral) -> bool:
    return referral.state not in WITHOUT_CONSENT


def _page_of(
    referral: Referral,
    case: Any,
    *,
    typed: StepForm | None = None,
    refused: dict[str, list[str]] | None = None,
) -> dict[str, Any]:
    """What ``referrals/show.html`` needs: what was asked, where it stands, and the deeds that lead on."""
    person, keyring, now = signed_in(), current_app.extensions["keyring"], clock.now()
    writes = policy_allows(person, "referral.write", case)
    content = queries.content_of(referral, keyring)
    offered = [deed.name for deed in possible(referral.state)] if writes else []
    forms = []
    for deed in offered:
        here = typed is not None and typed.deed == deed and typed.state.data == referral.state
        form = typed if here and typed else _blank_step(deed, referral, person)
        forms.append({"name": deed, "word": DEED_NAMES[deed](), "form": form, "typed": here})
    shown_again = typed if typed is not None and not any(form["typed"] for form in forms) else None
    return {
        "case": case_view(case, person.locale),
        "referral": referral,
        "row": _row(referral, content, now),
        "content": content,
        "urgency": dict(URGENCY_NAMES)[referral.urgency],
        "consent": dict(CONSENT_NAMES).get(referral.consent or "", ""),
        "sent_how": dict(WAY_NAMES).get(referral.sent_how or "", ""),
        "outcome": dict(OUTCOME_NAMES).get(referral.outcome or "", ""),
        "steps": [
            {
                "word": STEP_NAMES[row.ReferralStep.state](),
                "at": row.ReferralStep.at,
                "by_name": row.by_name,
                "words": queries.words_of(row.ReferralStep, keyring),
            }
            for row in queries.steps_of(referral.id)
        ],
        "forms": forms,
        "has_letter": writes and _has_letter(referral),
        # What was typed for a step that the referral has left behind is shown, to be copied.
        "lost_words": shown_again.words if shown_again else "",
        "refused": (refused or {}).get("", []),
    }


def _blank_step(deed: str, referral: Referral, person: Any) -> StepForm:
    form = step_form(deed, by=person, now=clock.now())
    form.id.data, form.state.data = uuid4(), referral.state
    return form
