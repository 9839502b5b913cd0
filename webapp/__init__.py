"""Suivi: reintegration follow-up that works without a network."""

from flask import Flask
from flask_compress import Compress
from flask_login import LoginManager
from htmx_flask import Htmx

from . import assets, clock, web
from .config import Settings
from .database import Setting, db, engine_options, migrate
from .keys import Keyring
from .storage import Storage


def create_app(settings: Settings | None = None) -> Flask:
    """Put the application together: the only place that knows every feature."""
    settings = settings or Settings.from_environment()
    settings.folder.mkdir(parents=True, exist_ok=True)
    keyring = Keyring.open(settings.keys)
    app = Flask(__name__, static_folder=None)
    app.config.update(
        SECRET_KEY=keyring.secret,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database_url),
        SESSION_COOKIE_NAME="__Host-suivi" if settings.secure_cookies else "suivi",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_BR_LEVEL=5,
        COMPRESS_MIMETYPES=[
            "text/html",
            "application/json",
            "application/x-ndjson",
            "application/manifest+json",
            "text/javascript",
        ],
    )
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    db.init_app(app)
    migrate.init_app(app, db, directory="migrations", render_as_batch=True)
    Compress(app)
    Htmx(app)
    web.install(app, settings)
    app.extensions.update(
        settings=settings,
        keyring=keyring,
        storage=Storage.open(settings.storage),
        lineage=_lineage,
        assets=assets.install(app),
    )
    _install_people(app, settings, keyring)
    _install_features(app)
    web.check_every_route(app)
    return app


def _install_people(app: Flask, settings: Settings, keyring: Keyring) -> None:
    from .people import sessions
    from .people.phones import Passes
    from .people.views import people

    app.extensions["passes"] = Passes(keyring.secret)
    login = LoginManager(app)
    login.session_protection = None  # addresses change on mobile networks; our sessions are revocable
    login.user_loader(lambda secret: sessions.find_session(secret, now=clock.now(), settings=settings))
    app.register_blueprint(people)


def _install_features(app: Flask) -> None:
    from .alerts.views import alerts
    from .allocations.finance.views import finance
    from .allocations.grants.views import grants
    from .allocations.requests.views import payment_requests
    from .allocations.views import allocations
    from .cases.closures.views import closures
    from .cases.intake.views import intake
    from .cases.transfers.views import transfers
    from .cases.views import cases
    from .check_ins.catalogue.views import catalogue
    from .check_ins.views import check_ins
    from .cli import register_commands
    from .offline.carried.views import carried
    from .offline.phones.views import phones
    from .offline.quarantine.views import quarantine
    from .offline.views import offline
    from .plans.views import plans
    from .providers.views import providers
    from .referrals.views import referrals
    from .reports.views import reports
    from .returnee_pages.views import returnee_pages
    from .returns.views import returns
    from .visits.views import visits

    features = (
        cases, intake, transfers, closures, returns, plans, visits, check_ins, catalogue, referrals, allocations, grants,
        payment_requests, finance, providers, alerts, returnee_pages, offline, carried, phones, quarantine, reports,
    )  # fmt: skip
    for feature in features:
        app.register_blueprint(feature)
    _teach_words()
    register_commands(app)


def _teach_words() -> None:
    # Importing a feature's words teaches the timeline and the case's page to tell what it writes.
    from .alerts import rules
    from .allocations import means
    from .allocations import open_matters as money_matters
    from .allocations import transfer as money_transfer
    from .allocations import words as allocation_words
    from .allocations.grants import words as grant_words
    from .allocations.requests import words as request_words
    from .cases.closures import words as closure_words
    from .cases.transfers import words as transfer_words
    from .check_ins import open_matters as care_matters
    from .check_ins import words as check_in_words
    from .plans import words as plan_words
    from .referrals import open_matters as open_referrals
    from .referrals import words as referral_words
    from .returnee_pages import words as returnee_words
    from .returns import parts as return_parts
    from .returns import transfer as return_transfer
    from .returns import words as return_words
    from .visits import words as visit_words

    assert all(
        (
            rules,
            means,
            money_matters,
            money_transfer,
            allocation_words,
            grant_words,
            request_words,
            closure_words,
            transfer_words,
            care_matters,
            check_in_words,
            plan_words,
            open_referrals,
            referral_words,
            returnee_words,
            return_parts,
            return_transfer,
            return_words,
            visit_words,
        )
    )


def _lineage() -> str:
    """The name of this database's history: changes when a backup is restored, so that phones notice."""
    return db.session.get_one(Setting, "lineage").value
