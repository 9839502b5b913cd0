"""Sign-in, sign-out, one's own settings, enrolment of a phone, and the accounts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, current_app, jsonify, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import login_user, logout_user

from .. import clock
from ..database import db, prove_writable, reading
from ..fields import as_choices, stripped
from ..permissions import Role
from ..permissions import may as policy_allows
from ..web import (
    LANGUAGES,
    NeedsAttention,
    begin_anew,
    keep_so_far,
    may,
    own_path,
    page,
    pressed_hard,
    public,
    signed_in,
)
from . import actions, locks, passwords, phones, queries, sessions, words
from .forms import ROLE_NAMES, FirstPasswordForm, PasswordForm, SignInForm, StaffForm
from .models import Staff

people = Blueprint("people", __name__)

HOME = {
    Role.FIELD_OFFICER: "/today",
    Role.COUNSELLOR: "/cases",
    Role.PROGRAMME_MANAGER: "/dashboard",
    Role.FINANCE_OFFICER: "/allocations",
    Role.ANALYST: "/dashboard",
    Role.ADMINISTRATOR: "/staff",
    Role.CASEWORKER: "/procedure",
}

WORKS_WITH = {
    Role.FIELD_OFFICER: ["today", "cases", "outbox"],
    Role.COUNSELLOR: ["cases"],
    Role.PROGRAMME_MANAGER: ["dashboard", "cases", "arrivals", "payments"],
    Role.FINANCE_OFFICER: ["payments", "allocations", "rates"],
    Role.ANALYST: ["dashboard"],
    Role.ADMINISTRATOR: ["staff", "rules", "instruments"],
    Role.CASEWORKER: ["procedure", "cases", "outbox"],
}

ALSO_USES = {
    Role.FIELD_OFFICER: ["arrivals", "providers", "rates"],
    Role.PROGRAMME_MANAGER: ["transfers", "providers", "rules", "rates"],
    Role.FINANCE_OFFICER: ["payment_list", "providers", "rules"],
}
"""Pages for now and then: on the page "Plus", and beside the others where the screen is wide."""


@people.app_context_processor
def frame() -> dict[str, Any]:
    """What the frame of every page needs: the navigation of this role, and the phone's name for the person."""
    person = signed_in()
    if person is None:
        return {"nav": [], "phone_person": None}
    carries_a_pack = policy_allows(person, "pack.fetch")
    return {
        "nav": navigation(person.role),
        "nav_more": _pages(ALSO_USES.get(person.role, [])),
        "phone_person": current_app.extensions["passes"].opaque(person.id) if carries_a_pack else None,
    }


def navigation(role: Role) -> list[tuple[str, str, str, str]]:
    """(address, icon, word, key) of the pages this role works with, most used first."""
    return _pages([*WORKS_WITH[role], "alerts", "more"])


def _pages(names: list[str]) -> list[tuple[str, str, str, str]]:
    pages = {
        "today": ("/today", "today", _("Aujourd’hui"), "today"),
        "dashboard": ("/dashboard", "dashboard", _("Tableau de bord"), "dashboard"),
        "cases": ("/cases", "cases", _("Cas"), "cases"),
        "procedure": ("/procedure", "step", _("Retours"), "procedure"),
        "arrivals": ("/arrivals", "calendar", _("Arrivées"), "arrivals"),
        "transfers": ("/transfers", "transfer", _("Transferts"), "transfers"),
        "payments": ("/payment-requests", "paid", _("Paiements"), "payments"),
        "allocations": ("/allocations", "money", _("Allocations"), "allocations"),
        "payment_list": ("/payments", "list", _("Liste des paiements"), "payment-list"),
        "providers": ("/providers", "business", _("Fournisseurs"), "providers"),
        "rates": ("/exchange-rates", "transfer", _("Taux"), "rates"),
        "rules": ("/allocation-rules", "list", _("Règles"), "rules"),
        "instruments": ("/instruments", "check-in", _("Questionnaires"), "instruments"),
        "staff": ("/staff", "person", _("Comptes"), "staff"),
        "outbox": ("/outbox", "outbox", _("Envois"), "outbox"),
        "alerts": ("/alerts", "alerts", _("Alertes"), "alerts"),
        "more": ("/more", "more", _("Plus"), "more"),
    }
    return [pages[name] for name in names]


@people.get("/")
@may("home.see")
def home() -> Any:
    return redirect(HOME[signed_in().role], 303)


@people.get("/sign-in")
@public
def sign_in() -> Any:
    return pressed_hard(
        page("sign_in.html", form=SignInForm(), next=own_path(request.args.get("next")), demo=_demo())
    )


@people.post("/sign-in")
@public
def sign_in_now() -> Any:
    form = SignInForm(request.form)
    next_page = own_path(request.form.get("next"))
    if before := signed_in():
        # Whoever tries here leaves nobody signed in behind, also when the try fails: a phone that is locked lets
        # the server say who is signed in, and must not be told of the session it was locked with.
        sessions.end_session(before.secret, now=clock.now())
        logout_user()
        keep_so_far()
    if not form.validate():
        return page("sign_in.html", 422, form=form, next=next_page, demo=_demo())
    key = locks.lock_key("staff", form.email.data or "")
    begin_anew()
    if locked_until := locks.count_try(key, now=clock.now()):
        form.password.errors = [_too_many_tries(locked_until)]
        return page("sign_in.html", 429, form=form, next=next_page, demo=_demo())
    # Nobody waits for the database while a password is checked.
    with reading():
        staff = queries.staff_by_email(form.email.data or "")
        kept = staff.password_hash if staff and not staff.disabled_at else None
        begin_anew()
    right = passwords.matches(form.password.data or "", kept)
    staff = queries.staff_by_email(form.email.data or "") if right else None
    if staff is None or staff.disabled_at:
        form.password.errors = [_("L’adresse e-mail ou le mot de passe n’est pas juste.")]
        return page("sign_in.html", 422, form=form, next=next_page, demo=_demo())
    person = sessions.start_session(staff, now=clock.now(), settings=_settings())
    locks.forget_tries(key)
    login_user(person)
    response = redirect(HOME[person.role] if next_page == "/" else next_page, 303)
    if (chosen := request.cookies.get("language")) in LANGUAGES:
        # Pressed on the sign-in page: it is theirs from here on, and not that of whoever signs in next.
        staff.locale = chosen
        response.delete_cookie("language")
    return response


@people.post("/sign-out")
@public
def sign_out() -> Any:
    if person := signed_in():
        sessions.end_session(person.secret, now=clock.now())
        logout_user()
    response = redirect(url_for("people.sign_in"), 303)
    # Never "storage": sealed work that is not yet delivered lies there.
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@people.get("/more")
@may("home.see")
def more() -> Any:
    return page("more.html", role_name=ROLE_NAMES[signed_in().role])


@people.get("/password")
@may("settings.change")
def password() -> Any:
    return page("people/password.html", form=PasswordForm(), changed=request.args.get("changed"))


@people.post("/password")
@may("settings.change")
def change_password() -> Any:
    form, person, now = PasswordForm(request.form), signed_in(), clock.now()
    if not form.validate():
        return page("people/password.html", 422, form=form)
    key = locks.lock_key("password", str(person.id))
    begin_anew()
    if locked_until := locks.count_try(key, now=now):
        form.present.errors = [_too_many_tries(locked_until)]
        return page("people/password.html", 429, form=form)
    with reading():
        kept = queries.account(person.id).password_hash
        begin_anew()
    if not passwords.matches(form.present.data or "", kept):
        form.present.errors = [_("Ce n’est pas votre mot de passe actuel.")]
        return page("people/password.html", 422, form=form)
    staff = queries.account(person.id)
    actions.change_password(staff, form.new.data or "", now=now)
    locks.forget_tries(key)
    login_user(sessions.start_session(staff, now=now, settings=_settings()))
    return redirect(url_for("people.password", changed="yes"), 303)


@people.post("/language")
@public
def language() -> Any:
    chosen = request.form.get("language", "")
    if chosen not in LANGUAGES:
        abort(400)
    if person := signed_in():
        staff = db.session.get(Staff, person.id)
        assert staff is not None
        staff.locale = chosen
    response = redirect(own_path(request.form.get("next"), "/"), 303)
    if person is None:
        response.set_cookie(
            "language", chosen, max_age=365 * 86400, samesite="Lax", secure=_settings().secure_cookies
        )
    return response


@people.get("/unlock")
@public
def unlock() -> Any:
    return page("unlock.html")


@people.get("/phone-check")
@public
def phone_check() -> Any:
    return page("phone_check.html")


@people.post("/phones")
@may("phone.enrol")
def enrol_phone() -> Any:
    asked = request.get_json(silent=True)
    try:
        phone_id = UUID(str(asked["phone"]))  # type: ignore[index]
        label = stripped(str(asked.get("label") or ""))[:80]  # type: ignore[union-attr]
    except (TypeError, KeyError, ValueError, AttributeError):
        abort(400)
    person = signed_in()
    try:
        phones.enrol(phone_id, person.id, label=label, now=clock.now())
        sessions.tie_to_phone(person.secret, phone_id)
    except NeedsAttention:
        return jsonify(error=403, revoked=True), 403
    # What a phone that keeps nothing yet would ask for next.
    first = (
        {"unlock": page("unlock.html")[0], "words": words.propose(person.locale)}
        if asked and asked.get("fresh")
        else {}
    )
    passes: phones.Passes = current_app.extensions["passes"]
    said = jsonify(
        phone_pass=passes.phone_pass(phone_id),
        author_pass=passes.author_pass(phone_id, person.id),
        person=passes.opaque(person.id),
        sealing_key=current_app.extensions["keyring"].public_sealing_key(),
        lineage=current_app.extensions["lineage"](),
        locale=person.locale,
        idle_lock_minutes=15,
        key_lease_hours=queries.account(person.id).office.key_lease_hours,
        **first,
    )
    return pressed_hard(said) if first else said


@people.get("/staff")
@may("staff.administer")
def staff() -> Any:
    return page("people/index.html", accounts=queries.accounts(), role_names=ROLE_NAMES)


@people.get("/staff/new")
@may("staff.administer")
def new_staff() -> Any:
    return page("people/new.html", form=_staff_form())


@people.post("/staff")
@may("staff.administer")
def create_staff() -> Any:
    form = _staff_form(request.form)
    if form.validate() and queries.staff_by_email(form.email.data or ""):
        form.email.errors = [_("Un compte a déjà cette adresse e-mail.")]
    if form.errors or form.email.errors:
        return page("people/new.html", 422, form=form)
    office = next(office for office in queries.offices() if str(office.id) == form.office.data)
    actions.add_staff(
        name=form.name.data or "",
        email=form.email.data or "",
        role=Role(form.role.data),
        office=office,
        password=form.password.data or "",
        locale=form.locale.data,
        now=clock.now(),
    )
    return redirect(url_for("people.staff"), 303)


@people.post("/staff/<uuid:staff_id>/dismissal")
@may("staff.administer")
def dismiss(staff_id: UUID) -> Any:
    actions.disable_staff(_another(staff_id), now=clock.now())
    return redirect(url_for("people.staff"), 303)


@people.post("/staff/<uuid:staff_id>/dismissal/end")
@may("staff.administer")
def take_back_dismissal(staff_id: UUID) -> Any:
    actions.enable_staff(db.session.get(Staff, staff_id) or abort(404))
    return redirect(url_for("people.staff"), 303)


@people.get("/staff/<uuid:staff_id>/password")
@may("staff.administer")
def first_password(staff_id: UUID) -> Any:
    return page("people/first_password.html", form=FirstPasswordForm(), account=_another(staff_id))


@people.post("/staff/<uuid:staff_id>/password")
@may("staff.administer")
def give_first_password(staff_id: UUID) -> Any:
    account, form = _another(staff_id), FirstPasswordForm(request.form)
    if not form.validate():
        return page("people/first_password.html", 422, form=form, account=account)
    actions.change_password(account, form.password.data or "", now=clock.now())
    locks.forget_tries(locks.lock_key("staff", account.email))
    return redirect(url_for("people.staff"), 303)


@people.get("/health")
@public
def health() -> Any:
    prove_writable()
    return jsonify(ok=True)


def _another(staff_id: UUID) -> Staff:
    """Somebody else's account; one's own is changed with the present password."""
    account = db.session.get(Staff, staff_id) or abort(404)
    if account.id == signed_in().id:
        abort(403)
    return account


def _too_many_tries(locked_until: datetime) -> str:
    minutes = max(1, round((locked_until - clock.now()).total_seconds() / 60))
    return ngettext(
        "Trop d’essais. Réessayez dans %(num)s minute, ou demandez à l’administrateur.",
        "Trop d’essais. Réessayez dans %(num)s minutes, ou demandez à l’administrateur.",
        minutes,
    )


def _staff_form(fields: Any = None) -> StaffForm:
    form = StaffForm(fields)
    form.office.choices = as_choices([(str(office.id), office.name) for office in queries.offices()])
    return form


def _demo() -> bool:
    return bool(_settings().demo)


def _settings() -> Any:
    return current_app.extensions["settings"]
