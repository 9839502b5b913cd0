"""One's own alerts, and waking one's own phone for them."""

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, current_app, jsonify, redirect, request, url_for
from flask_babel import gettext as _

from .. import clock
from ..permissions import may as policy_allows
from ..web import begin_anew, may, page, signed_in
from . import actions, queries, words
from .deliveries import make_parcel, post
from .push import Outcome, Result, Target, are_keys, check_subject, is_allowed
from .rules import (
    ADJUSTMENT,
    ALLOCATION,
    CLOSURE,
    LEADS_TO,
    PLAN,
    PROVIDER,
    RATES,
    RED_FLAG,
    REQUEST,
    TRANSFER,
    WITHOUT_CASE,
    WORDS_OF_RETURNEES,
)

alerts = Blueprint("alerts", __name__)

LONGEST_ORIGIN = 200
"""It travels in every push, which services cut at 4 KB."""
alerts.record_once(lambda state: check_subject(state.app.extensions["settings"].vapid_subject))


@alerts.get("/alerts")
@may("alert.see")
def index() -> Any:
    person = signed_in()
    before = request.args.get("before", "")[:120]
    rows, next_key = queries.alerts_of(person.id, before=before)
    return page(
        "alerts/index.html",
        block="alert_rows" if before else None,
        alerts=[_shown(row, person) for row in rows],
        next_key=next_key,
        push=_push(),
    )


@alerts.get("/alerts/<uuid:alert_id>")
@may("alert.see")
def show(alert_id: UUID) -> Any:
    person = signed_in()
    row = queries.find_alert(person.id, alert_id)
    if row is None:
        abort(404)
    return page("alerts/show.html", alert=_shown(row, person) | _to_do(row, person))


@alerts.post("/alerts/<uuid:alert_id>/acknowledgement")
@may("alert.see")
def acknowledge(alert_id: UUID) -> Any:
    person = signed_in()
    if queries.find_alert(person.id, alert_id) is None:
        abort(404)
    actions.acknowledge(alert_id, by=person.id, now=clock.now())
    if "HX-Request" in request.headers:
        row = queries.find_alert(person.id, alert_id)
        return page("alerts/index.html", block="alert_rows", alerts=[_shown(row, person)], next_key=None)
    return redirect(url_for("alerts.show", alert_id=alert_id), 303)


def _shown(row: Any, person: Any) -> dict[str, Any]:
    """What the list shows of an alert; the case's code only to who may know that case."""
    return {
        "id": str(row.id),
        "url": url_for("alerts.show", alert_id=row.id),
        "title": words.title(row.rule, person.role),
        "case_code": row.code if _knows_case(row, person) else "",
        "raised_at": row.raised_at,
        "acknowledged": row.acknowledged_at is not None,
        "state": _state(row),
    }


def _state(row: Any) -> tuple[str, str, str]:
    """The word, tone and icon of where an alert stands."""
    if row.acknowledged_at is None:
        return _("À voir"), "bad", "warning"
    return _("Réglée") if row.settled_at else _("Vue"), "good", "ok"


def _knows_case(row: Any, person: Any) -> bool:
    if row.case_id is None or (row.rule, person.role) in WITHOUT_CASE:
        return False
    leads_to = LEADS_TO.get(row.rule)
    if leads_to == RED_FLAG:
        return policy_allows(person, "red_flag.see", row)
    # Finance knows cases by their code, and opens the pages of their money and of their end only.
    return policy_allows(person, "allocation.see" if leads_to else "case.see", row)


def _to_do(row: Any, person: Any) -> dict[str, Any]:
    """What the alert's own page adds: what to do, where to go, whom to call, who is on it already."""
    other = queries.also_told(row, person.id)
    knows_case = _knows_case(row, person)
    # Who may not open the case speaks with the colleague who wrote the entry.
    author = None if knows_case or row.rule.startswith("submission_") else queries.author_of(row)
    return {
        "sentence": words.sentence(row.rule, person.role),
        "case_url": f"/cases/{row.case_id}" if knows_case and policy_allows(person, "case.see", row) else "",
        "about_url": _about_url(row, person) if row.rule in LEADS_TO else "",
        "submission_url": _submission_url(row, person),
        "colleague": author if author and author.id != person.id else None,
        "acknowledged_by": other.name if other else "",
        "acknowledged_at": other.acknowledged_at if other else None,
    }


def _about_url(row: Any, person: Any) -> str:
    """The page that the alert is about, for who may open it."""
    leads_to = LEADS_TO[row.rule]
    if leads_to == PLAN:
        return f"/cases/{row.case_id}/plan" if policy_allows(person, "plan.see", row) else ""
    if leads_to == RED_FLAG:
        return f"/red-flags/{row.subject_id}" if policy_allows(person, "red_flag.see", row) else ""
    if leads_to == PROVIDER:
        return f"/providers/{row.subject_id}" if policy_allows(person, "provider.see") else ""
    if leads_to == RATES:
        return "/exchange-rates" if policy_allows(person, "rate.see") else ""
    if leads_to == TRANSFER:
        return f"/transfers/{row.subject_id}" if policy_allows(person, "transfer.see") else ""
    if leads_to == CLOSURE:
        return f"/cases/{row.case_id}/closure" if policy_allows(person, "closure.see", row) else ""
    if row.case_id is None or not policy_allows(person, "payment.see", row):
        return ""
    if leads_to == REQUEST and queries.is_request(row.subject_id):
        return f"/payment-requests/{row.subject_id}"
    if row.rule in WORDS_OF_RETURNEES:
        # About no purchase: the word itself, to be answered.
        return (
            f"/returnee-words/{row.subject_id}" if policy_allows(person, "returnee_word.answer", row) else ""
        )
    if leads_to == ADJUSTMENT:
        return f"/cases/{row.case_id}/allocation/adjustments"
    return f"/cases/{row.case_id}/allocation" if leads_to == ALLOCATION else ""


def _submission_url(row: Any, person: Any) -> str:
    if not row.rule.startswith("submission_") or row.subject_id is None:
        return ""
    return f"/submissions/{row.subject_id}" if policy_allows(person, "submission.see") else "/outbox"


# Waking a phone


def _push() -> dict[str, str]:
    return {
        "vapid": current_app.extensions["keyring"].public_vapid_key(),
        "subscribe_url": url_for("alerts.subscribe"),
        "test_url": url_for("alerts.test_push"),
    }


@alerts.post("/push/subscriptions")
@may("push.subscribe")
def subscribe() -> Any:
    asked = _asked()
    keys = asked.get("keys")
    keys = keys if isinstance(keys, dict) else {}
    endpoint, p256dh, auth = asked.get("endpoint"), keys.get("p256dh"), keys.get("auth")
    if not is_allowed(endpoint, current_app.extensions["settings"].extra_push_hosts):
        return jsonify(
            sentence=_(
                "Le service d’alertes de ce navigateur n’est pas connu de Suivi. Essayez avec un autre navigateur."
            )
        ), 422
    if not are_keys(p256dh, auth):
        return jsonify(
            sentence=_("Le navigateur n’a pas donné de quoi chiffrer les alertes. Réessayez.")
        ), 422
    # The origin as the browser knows it: behind another server, ours may be called otherwise here.
    origin = request.headers.get("Origin", "")
    if not origin.startswith("http") or len(origin) > LONGEST_ORIGIN:
        origin = ""
    target = Target(str(endpoint), str(p256dh), str(auth), origin)
    actions.subscribe(signed_in().id, target, keyring=current_app.extensions["keyring"], now=clock.now())
    return jsonify(sentence=_("Les alertes arriveront sur cet appareil. Essayez avec une alerte d’essai."))


@alerts.delete("/push/subscriptions")
@may("push.subscribe")
def unsubscribe() -> Any:
    endpoint = _asked().get("endpoint")
    if not isinstance(endpoint, str):
        return jsonify(sentence=_("Cette demande n’a pas pu être lue.")), 422
    actions.unsubscribe(signed_in().id, endpoint)
    return jsonify(sentence=_("Cet appareil ne recevra plus d’alertes."))


@alerts.post("/push/test")
@may("push.subscribe")
def test_push() -> Any:
    person = signed_in()
    parcel = make_parcel(
        person.id, words.PUSHED_AS_TEST, path="/alerts", tag="test", topic="test",
        locale=person.locale, urgent=True, alerts=[],
    )  # fmt: skip
    # Nobody waits for the database while a push service makes up its mind.
    begin_anew()
    results = post(parcel)
    for subscription, result in zip(parcel.subscriptions, results, strict=True):
        actions.note_result(subscription, result, now=clock.now())
    return jsonify(sentence=_what_happened(results), results=[result.outcome.value for result in results])


def _asked() -> dict[str, Any]:
    asked = request.get_json(silent=True)
    return asked if isinstance(asked, dict) else {}


def _what_happened(results: list[Result]) -> str:
    if not results:
        return _("Aucun appareil ne reçoit encore vos alertes. Appuyez d’abord sur « Recevoir les alertes ».")
    if len(results) == 1:
        return _say(results[0])
    return " ".join(
        _("Appareil %(number)s : %(what)s", number=number, what=_say(result))
        for number, result in enumerate(results, start=1)
    )


def _say(result: Result) -> str:
    match result.outcome:
        case Outcome.SENT:
            return _("Envoyée : elle doit s’afficher dans un instant.")
        case Outcome.GONE:
            return _(
                "Cet abonnement n’existe plus ; il est retiré. Appuyez de nouveau sur « Recevoir les alertes »."
            )
        case Outcome.NOT_ALLOWED:
            return _(
                "Pas envoyée : le service d’alertes de cet appareil n’est pas connu de Suivi ; il est retiré."
            )
        case Outcome.BUSY:
            return _(
                "Pas encore : le service d’alertes est occupé (réponse %(status)s). Réessayez plus tard.",
                status=result.status,
            )
        case Outcome.REJECTED:
            return _(
                "Pas envoyée : le service d’alertes a répondu %(status)s. Prévenez l’administrateur.",
                status=result.status,
            )
        case Outcome.NO_ANSWER:
            return _(
                "Pas envoyée : le service d’alertes n’a pas répondu. Le serveur a-t-il accès à Internet ?"
            )
