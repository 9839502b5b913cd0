"""What every page shares: who may open it, one transaction, its language, its headers, its refusals."""

import logging
import traceback
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

import brotli
from flask import (
    Flask,
    Response,
    abort,
    g,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.json.provider import DefaultJSONProvider
from flask.sessions import SecureCookieSessionInterface
from flask_babel import Babel
from flask_babel import gettext as _
from flask_login import current_user
from jinja2_fragments.flask import render_block
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.routing import IntegerConverter
from werkzeug.wrappers import Response as AnyResponse

from .config import Settings
from .database import db, only_reads
from .permissions import PUBLIC
from .permissions import may as policy_allows

LANGUAGES = {"fr": "Français", "en": "English", "ar": "العربية"}
RIGHT_TO_LEFT = {"ar"}
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PAGE_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
}
"""Only what opens as a page obeys these."""
NO_PAGE = "default-src 'none'; sandbox"
"""The policy of styles, pictures, JSON and redirects: opened by themselves they may do nothing, and it is short."""
SCRIPT = "default-src 'none'; script-src 'self'; connect-src 'self'"
"""The policy of scripts: what a worker made of one may do."""
POLICIES = {"text/html": SECURITY_HEADERS["Content-Security-Policy"], "text/javascript": SCRIPT}
ANSWERS_MACHINES = ("/outbox/submissions", "/outbox/photos", "/pack", "/phones", "/push/")
"""Paths asked by scripts: their refusals are JSON, never a page."""

View = TypeVar("View", bound=Callable[..., Any])


class NeedsAttention(Exception):
    """What was sent cannot be taken as it is: ``errors`` holds the sentences for each field."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(sorted(errors)))
        self.errors = {name: [str(sentence) for sentence in said] for name, said in errors.items()}


class TryLater(Exception):
    """The server cannot take it just now, and nothing was kept: the same bytes may be sent again."""


LARGEST_PRESSED_HARD = 150_000


def begin_anew() -> None:
    """Let go of what this request has read so far, before a transaction of its own writes beside it."""
    db.session.rollback()


def keep_so_far() -> None:
    """Commit in the middle of a request: what was written is safe whatever happens to the rest."""
    db.session.commit()


def signed_in() -> Any:
    """The signed-in member of staff, or None."""
    return current_user._get_current_object() if current_user.is_authenticated else None


def public(view: View) -> View:
    """Anybody may open this route."""
    view.permission = PUBLIC  # type: ignore[attr-defined]
    return view


def returnees_only(view: View) -> View:
    """A returnee signed in by code and PIN opens this route; the feature checks it."""
    view.permission = "returnee"  # type: ignore[attr-defined]
    return view


def may(action: str) -> Callable[[View], View]:
    """Only signed-in staff whom the policy allows ``action`` open this route."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            person = signed_in()
            if person is None:
                return ask_to_sign_in()
            if not policy_allows(person, action):
                abort(403)
            return view(*args, **kwargs)

        guarded.permission = action  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return decorate


def ask_to_sign_in() -> AnyResponse:
    """A page is sent to the sign-in page and back; anything else is told 401, never a redirect.

    A redirect after a POST is followed by ``fetch`` and looks like success: work would be lost.
    """
    if request.method not in SAFE_METHODS or _answers_a_machine() or "HX-Request" in request.headers:
        abort(401)
    return redirect(url_for("people.sign_in", next=own_path(request.full_path.rstrip("?"))), 303)


def _answers_a_machine() -> bool:
    # The list of phones is a page for people; at its address a script enrols one.
    is_list = request.path == "/phones" and request.method in SAFE_METHODS
    return request.path.startswith(ANSWERS_MACHINES) and not is_list


def own_path(target: str | None, otherwise: str = "/") -> str:
    """The path if it is one of ours (one leading slash, no host, no control characters), else another."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")) or "\\" in target:
        return otherwise
    if any(ord(letter) < 32 for letter in target) or urlsplit(target).netloc or len(target) > 500:
        return otherwise
    return target


def page(template: str, status: int = 200, *, block: str | None = None, **context: Any) -> tuple[str, int]:
    """The whole page; for htmx, when ``block`` is named, only that block of it."""
    if block and "HX-Request" in request.headers:
        return render_block(template, block, **context), status
    return render_template(template, **context), status


def pressed_hard(answer: Any) -> Response:
    """What a phone fetches on its first visit, and pays for by the kilobyte: worth ten milliseconds more of pressing."""
    response = make_response(answer)
    data = response.get_data()
    if request.accept_encodings["br"] > 0 and len(data) <= LARGEST_PRESSED_HARD:
        response.set_data(brotli.compress(data, quality=11))
        response.content_encoding = "br"
        response.vary.add("Accept-Encoding")
    return response


def install(app: Flask, settings: Settings) -> None:
    """Give the application its manners."""
    keep_values_out_of_logs()
    app.json = Json(app)
    app.session_interface = Cookies()
    app.url_map.converters["int"] = NumberInAddress
    Babel(app, locale_selector=chosen_locale, timezone_selector=_timezone, default_locale=settings.locale)
    app.config.update(
        MAX_CONTENT_LENGTH=1024 * 1024,
        MAX_FORM_MEMORY_SIZE=600_000,
        MAX_FORM_PARTS=400,
        BABEL_TRANSLATION_DIRECTORIES="translations",
        BABEL_DEFAULT_TIMEZONE="UTC",
    )
    app.before_request(_refuse_other_origins)
    app.before_request(lambda: only_reads(request.method in SAFE_METHODS))
    app.after_request(_settle)
    app.after_request(_add_headers)
    app.register_error_handler(HTTPException, _refusal)
    app.register_error_handler(OperationalError, lambda error: _busy())
    app.register_error_handler(DataError, lambda error: _answer(400))
    app.register_error_handler(TryLater, lambda error: _busy())
    app.register_error_handler(500, _broken)
    app.context_processor(
        lambda: {
            "person": signed_in(),
            "locale": str(chosen_locale()),
            "dir": "rtl" if str(chosen_locale()) in RIGHT_TO_LEFT else "ltr",
            "languages": LANGUAGES,
            "allowed": lambda action, case=None: policy_allows(signed_in(), action, case),
        }
    )


def keep_values_out_of_logs() -> None:
    """Log where an error happened and of which kind, never its words: they may quote what people wrote."""
    usual = logging.getLogRecordFactory()
    if getattr(usual, "says_no_values", False):
        return

    def record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        made = usual(*args, **kwargs)
        if made.exc_info and made.exc_info[1] is not None:
            made.exc_text, made.exc_info = _where(made.exc_info[1]), None
        return made

    record.says_no_values = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(record)


def _where(error: BaseException) -> str:
    frames = "".join(traceback.format_tb(error.__traceback__))
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    before = error.__cause__ or error.__context__
    return f"{_where(before)}\n{frames}{name}" if before else f"{frames}{name}"


class NumberInAddress(IntegerConverter):
    """A number that a database column can hold; an address with a longer one does not exist."""

    regex = r"\d{1,9}"


class Cookies(SecureCookieSessionInterface):
    """Built files are the same for everybody: a browser that signs in or out must not fetch them again."""

    def save_session(self, app: Flask, session: Any, response: Response) -> None:
        if request.endpoint != "static":
            super().save_session(app, session, response)


class Json(DefaultJSONProvider):
    """JSON that is nested too deep is no JSON, like any other body that cannot be read."""

    def loads(self, s: str | bytes, **how: Any) -> Any:
        try:
            return super().loads(s, **how)
        except RecursionError as error:
            raise ValueError("nested too deep") from error


def check_every_route(app: Flask) -> None:
    """Deny by default: the application does not start while a route names no permission."""
    open_doors = [name for name, view in app.view_functions.items() if not hasattr(view, "permission")]
    if open_doors:
        raise RuntimeError(f"routes without a permission: {', '.join(sorted(open_doors))}")


def chosen_locale() -> str:
    """The language of this answer: the person's, else the one chosen on this phone, else the browser's."""
    person = signed_in()
    if person is not None:
        return person.locale
    if (chosen := request.cookies.get("language")) in LANGUAGES:
        return chosen
    fallback: str = g.get("default_locale", "fr")
    return request.accept_languages.best_match(list(LANGUAGES), fallback) or fallback


def _timezone() -> str:
    person = signed_in()
    return person.timezone if person is not None else "UTC"


def _refuse_other_origins() -> None:
    """Unsafe requests must come from our own pages: the browser says where from, so no token can expire."""
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site not in {"same-origin", "none"}:
            abort(403)
        return
    origin = request.headers.get("Origin")
    if origin is not None and origin not in (f"http://{request.host}", f"https://{request.host}"):
        abort(403)


def _settle(response: Response) -> Response:
    """One request, one transaction: kept before the answer leaves if it succeeded, undone if not."""
    if response.status_code < 400 and request.method not in SAFE_METHODS:
        db.session.commit()
    else:
        db.session.rollback()
    return response


def _add_headers(response: Response) -> Response:
    leads_on = 300 <= response.status_code < 400
    if leads_on:
        # Nobody reads the note that goes with a redirect, and on the phone every form pays for it.
        response.set_data(b"")
    policy = NO_PAGE if leads_on else POLICIES.get(response.mimetype or "", NO_PAGE)
    response.headers.setdefault("Content-Security-Policy", policy)
    is_page = not leads_on and response.mimetype == "text/html"
    for name, value in (SECURITY_HEADERS | (PAGE_HEADERS if is_page else {})).items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint != "static" or response.status_code >= 400:
        response.headers.setdefault("Cache-Control", "no-store")
        response.vary.add("Cookie")
        response.vary.add("HX-Request")
    return response


def _sentences(code: int) -> str:
    return {
        400: _("Cette demande n’a pas pu être lue."),
        401: _("Connectez-vous pour continuer. Rien de ce que vous avez saisi n’est perdu sur ce téléphone."),
        403: _("Votre rôle ne permet pas cette action."),
        404: _("Cette page n’existe pas, ou elle n’est pas pour vous."),
        405: _("Cette page ne peut pas être utilisée de cette façon."),
        413: _("L’envoi est trop lourd."),
        415: _("Ce type d’envoi n’est pas accepté."),
        422: _("Une partie de la demande n’est pas valable."),
        429: _("Trop de demandes en peu de temps. Réessayez dans un moment."),
        503: _("Le serveur ne peut pas répondre pour le moment. Réessayez dans un instant."),
    }.get(code, _("Une erreur est survenue de notre côté. Elle est notée ; réessayez."))


def _refusal(error: HTTPException) -> Any:
    code = error.code or 500
    if code < 400:
        return error.get_response()
    return _answer(code, getattr(error, "retry_after", None))


def _busy() -> Any:
    return _answer(503, 5)


def _broken(error: Exception) -> Any:
    # Also when the database gives up at the commit, after the view has answered.
    original = getattr(error, "original_exception", None)
    return _busy() if isinstance(original, OperationalError | TryLater) else _answer(500)


def _answer(code: int, retry_after: Any = None) -> Any:
    db.session.rollback()
    sentence = _sentences(code)
    if _answers_a_machine():
        response = jsonify(error=code, sentence=sentence)
    else:
        response = Response(render_template("error.html", code=code, sentence=sentence), mimetype="text/html")
    response.status_code = code
    if retry_after:
        response.headers["Retry-After"] = str(int(retry_after))
    return response
