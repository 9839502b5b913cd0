"""What every answer owes: headers that keep it private, and words that only its readers see."""

import io
import logging
import re
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from tests.browser_client import Page, Person, check_manners
from tests.test_rights import DOORS, path_of
from tests.world import FOREIGN, OWN, World, make_world, principals, visit_fields

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SCRIPT = "default-src 'none'; script-src 'self'; connect-src 'self'"
PUBLIC_FILES = {"/static/dist/<path:name>", "/manifest.webmanifest", "/sw.js"}


@pytest.fixture
def world(app: Flask) -> World:
    return make_world(app)


# Headers


ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
"""For long walks over pages: what they show is the same on every engine, and who may open them is walked on both."""


@ONE_ENGINE
def test_every_answer_of_every_route_is_private_strict_and_valid(app: Flask, world: World) -> None:
    swept = 0
    valid: set[tuple[str, int]] = set()
    for name, person in principals(app, world).items():
        for method, rule in DOORS:
            if rule in ("/sign-out", "/my/sign-out", "/my/closed"):
                continue
            for headers in ({}, {"HX-Request": "true", "Accept-Encoding": "br"}):
                answer = person.client.open(path_of(rule, world, OWN, app), method=method, headers=headers)
                wrong = faults(answer, rule)
                assert not wrong, f"{name}: {method} {rule}: {wrong}"
                kind = (
                    rule if answer.status_code < 400 or answer.status_code == 422 else "",
                    answer.status_code,
                )
                if answer.mimetype == "text/html" and not headers and kind not in valid:
                    valid.add(kind)
                    if answer.status_code not in (302, 303):
                        check_manners(Page(answer))
                swept += 1
    assert swept > 1_000


def faults(answer: Any, rule: str) -> list[str]:
    found = []
    csp = answer.headers.get("Content-Security-Policy", "")
    own = SCRIPT if answer.mimetype == "text/javascript" else POLICY
    if csp not in (own, "default-src 'none'; sandbox"):
        found.append(f"policy {csp}")
    if answer.headers.get("X-Content-Type-Options") != "nosniff":
        found.append("nosniff")
    if answer.headers.get("Referrer-Policy") != "no-referrer":
        found.append("referrer")
    if answer.status_code < 400 and rule in PUBLIC_FILES:
        return found
    if answer.headers.get("Cache-Control") != "no-store":
        found.append(f"cache {answer.headers.get('Cache-Control')}")
    vary = {word.strip().lower() for word in ",".join(answer.headers.getlist("Vary")).split(",")}
    if not {"cookie", "hx-request"} <= vary:
        found.append(f"vary {vary}")
    return found


def test_a_missing_header_is_noticed(app: Flask) -> None:
    assert faults(app.response_class("x"), "/today")


def test_built_files_are_public_for_ever_and_named_by_their_content(app: Flask, people: Any) -> None:
    for name in app.extensions["assets"].names.values():
        answer = people(None).client.get(f"/static/dist/{name}")
        if answer.status_code == 200 and re.search(r"-[0-9a-f]{8,}\.", name):
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert "Cookie" not in ",".join(answer.headers.getlist("Vary"))
            assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "name",
    [
        "../../keys.py", "..%2f..%2fkeys.py", "....//keys.py", "/etc/passwd", "%2e%2e/%2e%2e/keys.py", "x.js", ".", "",
        "..\\..\\keys.py", "a" * 5000, "%00", "manifest.json%00.js",
    ],
    ids=range(12),
)  # fmt: skip
def test_only_built_files_are_served(app: Flask, people: Any, name: str) -> None:
    answer = people(None).client.get(f"/static/dist/{name}")
    assert answer.status_code in (404, 308)
    assert "immutable" not in answer.headers.get("Cache-Control", "")


def test_a_stranger_learns_no_version(app: Flask, people: Any) -> None:
    for path in ("/sign-in", "/health", "/nowhere"):
        headers = str(people(None).client.get(path).headers)
        assert not re.search(r"(?i)x-powered|werkzeug|flask|python", headers)


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere", "/cases/1", "/cases/" + "0" * 32 + "/x", "/cases/%00", "/photos/é", "/%ff", "/cases/../staff",
        "/" + "a" * 8000, "/visits//photos", "/cases/00000000-0000-0000-0000-000000000000", "/?" + "q=" * 500,
    ],
    ids=range(11),
)  # fmt: skip
def test_an_address_that_is_none_is_answered_calmly(app: Flask, ibrahima: Person, path: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"):
        answer = ibrahima.client.open(path, method=method)
        assert answer.status_code < 500
        assert "Traceback" not in answer.get_data(as_text=True)


# Canaries: a word of its own in every column, and who may ever meet it

CASE_TEAM = {"ibrahima", "salma", "kadiatou"}
PAYERS = {"ibrahima", "mariama", "kadiatou", "farah"}
SEEN_BY: dict[str, set[str]] = {
    "family_name": CASE_TEAM | {"karim", "oumar"},
    "given_names": CASE_TEAM | {"karim", "oumar"},
    "number": CASE_TEAM,
    "contact_person": CASE_TEAM,
    "activity": CASE_TEAM,
    "remarks": CASE_TEAM,
    "place": CASE_TEAM,
    "region": CASE_TEAM,
    "present": CASE_TEAM,
    "agreed": CASE_TEAM,
    "words": CASE_TEAM,
    "notes": CASE_TEAM,
    "caption": {"ibrahima", "kadiatou"},
    "ledger_what": {"ibrahima", "kadiatou", "farah"},
    "instalment_condition": {"ibrahima", "kadiatou", "farah"},
    "adjustment_reason": {"ibrahima", "kadiatou", "farah"},
    "request_what": {"ibrahima", "kadiatou", "farah", "returnee"},
    "help_needed": {"salma", "oumar"},
    "plan_objectives": {"ibrahima", "kadiatou"},
    "plan_risks": {"ibrahima", "kadiatou"},
    "plan_step": {"ibrahima", "kadiatou"},
    "plan_line": {"ibrahima", "kadiatou"},
    "referral_asked": CASE_TEAM,
    "referral_provider": CASE_TEAM,
    "referral_phone": CASE_TEAM,
    "transfer_answer": {"kadiatou", "moussa"},
    "provider_name": PAYERS | {"salma"},
    "provider_contact": PAYERS,
    "provider_account": {"farah"},
    "provider_holder": {"farah"},
    # Found by, never shown; or shown to nobody at all.
    "external_ref": set(),
    "restricted_needs": set(),
    "donor_name": set(),
}
"""Who may meet the word of each column of Ibrahima's case: on any page, in any fragment, in the pack."""


class Canaries:
    """A word for each column that stands nowhere else, and looking for it in whatever is given out."""

    def __init__(self) -> None:
        self.words: dict[str, str] = {}

    def say(self, name: str) -> str:
        if name not in self.words:
            chosen = uuid4().hex[:8].translate(str.maketrans("0123456789", "ghijklmnop"))
            self.words[name] = (
                "+2246219988" + f"{len(self.words) + 10}" if name == "number" else f"Kanari{chosen}"
            )
        return self.words[name]

    def met(self, text: str) -> set[str]:
        found = {name for name, word in self.words.items() if word in text or word.lower() in text}
        if self.words["number"][-6:] in re.sub(r"\D", "", text):
            found.add("number")
        return found


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture
def sung(app: Flask, canaries: Canaries) -> World:
    return make_world(app, canaries.say)


def crawl(app: Flask, person: Person, world: World) -> str:
    """Everything this person can be shown: every GET of the table, and every link found on the way."""
    waiting = [
        path_of(rule, world, which, app)
        for (method, rule), door in DOORS.items()
        if method == "GET" and rule not in ("/my/closed", "/static/dist/<path:name>", "/sw.js")
        for which in ((OWN, FOREIGN) if door.of_case else (OWN,))
    ]
    waiting += [f"/cases?q={asked}" for asked in ("kanari", "62199", world.codes[OWN], "g")]
    waiting += ["/pack?cursor=1&build=x", f"/cases/{world.cases[OWN]}?before=9000-01-01T00:00:00%2B00:00~9"]
    said, seen = [], set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for headers in ({}, {"HX-Request": "true"}):
            answer = person.client.get(path, headers=headers)
            if answer.mimetype in ("image/jpeg", "image/png"):
                continue
            said += [answer.get_data().decode("utf-8", "replace"), str(answer.headers)]
            if not headers and answer.mimetype == "text/html":
                links = re.findall(r'(?:href|src|action|hx-get)="(/[^"#]*)"', said[-2])
                waiting += [
                    link.replace("&amp;", "&")
                    for link in links
                    if not link.startswith(("/static", "/my/closed", "/sw.js"))
                ]
    assert len(seen) > 30
    return "\n".join(said)


@ONE_ENGINE
def test_a_word_is_met_only_by_whom_the_table_names(app: Flask, sung: World, canaries: Canaries) -> None:
    assert set(canaries.words) == set(SEEN_BY), "say in the table who may meet a new column's word"
    met = {name: canaries.met(crawl(app, person, sung)) for name, person in principals(app, sung).items()}
    wrong = [
        f"{name} {'meets' if word in met[name] else 'never meets'} {word}"
        for name in met
        for word in SEEN_BY
        if (word in met[name]) != (name in SEEN_BY[word])
    ]
    assert not wrong, "\n".join(sorted(wrong))


def test_a_planted_leak_is_met(app: Flask, sung: World, canaries: Canaries) -> None:
    view = app.view_functions["people.health"]
    app.view_functions["people.health"] = lambda: f"<p>{canaries.words['remarks']}</p>"
    assert "remarks" in canaries.met(crawl(app, Person(app), sung))
    app.view_functions["people.health"] = view


@ONE_ENGINE
def test_addresses_of_staff_are_shown_to_the_administrator_only(app: Flask, world: World) -> None:
    for name, person in principals(app, world).items():
        shown = "@demo" in crawl(app, person, world)
        assert shown == (name == "root"), name


def test_amounts_are_shown_to_whom_money_concerns(app: Flask, world: World) -> None:
    shown = {
        name
        for name, person in principals(app, world).items()
        if re.search(r"1[\s\u202f\u00a0]500,00", person.client.get(f"/cases/{world.cases[OWN]}").text)
        or re.search(
            r"1[\s\u202f\u00a0]500,00", person.client.get(f"/cases/{world.cases[OWN]}/allocation").text
        )
        or re.search(r"1[\s\u202f\u00a0]500,00", person.client.get("/my").text)
    }
    assert shown == {"ibrahima", "kadiatou", "farah", "returnee"}


# Logs and error pages


class Everything(logging.Handler):
    """Keeps what a log would hold, as it would be written."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
        self.written = io.StringIO()

    def emit(self, record: logging.LogRecord) -> None:
        self.written.write(self.format(record) + "\n")


@pytest.fixture
def log() -> Any:
    handler, root = Everything(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


@ONE_ENGINE
def test_no_word_of_a_case_stands_in_a_log(
    app: Flask, sung: World, canaries: Canaries, log: Everything, capfd: pytest.CaptureFixture[str]
) -> None:
    everybody = principals(app, sung)
    for name in ("ibrahima", "kadiatou", "karim", "nobody"):
        crawl(app, everybody[name], sung)
    url = f"/cases/{sung.cases[OWN]}/visits"
    everybody["ibrahima"].posts(url, visit_fields(notes=canaries.words["notes"], channel="x"), 422)
    everybody["ibrahima"].posts(url, visit_fields(notes=canaries.words["notes"]))
    everybody["nobody"].client.post("/sign-in", data={"email": canaries.words["notes"], "password": "x"})
    written = log.written.getvalue() + "".join(capfd.readouterr())
    assert canaries.met(written) == set()


def fifty_troubles(word: str) -> list[Any]:
    from sqlalchemy import text
    from sqlalchemy.exc import IntegrityError, StatementError

    from webapp.database import db

    def raising(error: BaseException) -> Any:
        def view(**_: Any) -> Any:
            raise error

        return view

    def sql(statement: str, **values: Any) -> Any:
        def view(**_: Any) -> Any:
            return str(db.session.execute(text(statement), values))

        return view

    def chained(**_: Any) -> Any:
        try:
            raise KeyError(word)
        except KeyError as first:
            raise RuntimeError(f"after {word}") from first

    def inside(**_: Any) -> Any:
        try:
            int(word)
        finally:
            {}[word]

    def group(**_: Any) -> Any:
        raise ExceptionGroup(word, [ValueError(word), TypeError(word)])

    kinds: list[type[Exception]] = [
        ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError, OSError, ArithmeticError, LookupError,
        NotImplementedError, RecursionError, MemoryError, BufferError, EOFError, AssertionError, ImportError, NameError,
        PermissionError, FileNotFoundError, ConnectionError, TimeoutError, StopAsyncIteration, ZeroDivisionError,
        OverflowError, FloatingPointError, ModuleNotFoundError, UnboundLocalError, BlockingIOError, ChildProcessError,
        BrokenPipeError, InterruptedError, IsADirectoryError, NotADirectoryError, ProcessLookupError, SystemError,
        ReferenceError, Warning, UserWarning,
    ]  # fmt: skip
    return [
        *(raising(kind(word)) for kind in kinds),
        raising(UnicodeDecodeError("utf-8", word.encode(), 0, 1, word)),
        raising(StatementError(word, word, {"a": word}, ValueError(word))),
        raising(IntegrityError(word, {"a": word}, ValueError(word))),
        sql("SELECT nonsense FROM nowhere WHERE a = :a", a=word),
        sql("INSERT INTO offices (id, name) VALUES (:a, :b)", a=word, b=word),
        sql("INSERT INTO donors (id, name, currency) VALUES (:a, :b, :b)", a=word, b=None),
        sql("UPDATE staff SET role = :a", a=word),
        sql("UPDATE staff SET email = :a", a=word.upper()),
        sql("UPDATE cases SET stage = :a", a=word),
        chained,
        inside,
        group,
    ]


@ONE_ENGINE
def test_no_error_tells_a_word_to_the_page_or_the_log(
    app: Flask, sung: World, canaries: Canaries, log: Everything, capfd: pytest.CaptureFixture[str]
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    word, person = canaries.words["notes"], Person(app, sung.staff["ibrahima"])
    troubles = fifty_troubles(word)
    assert len(troubles) >= 50
    view = app.view_functions["cases.today"]
    for trouble in troubles:
        app.view_functions["cases.today"] = trouble
        answer = person.client.get("/today")
        assert answer.status_code in (400, 500, 503)
        assert canaries.met(answer.text) == set()
        assert "Traceback" not in answer.text
    app.view_functions["cases.today"] = view
    written = log.written.getvalue() + "".join(capfd.readouterr())
    assert canaries.met(written) == set()
    assert written.count("test_pages.py") >= 40, "where it happened is written"
    assert "builtins.ZeroDivisionError" in written
    person.opens("/today")


def test_a_planted_log_line_with_a_word_is_met(canaries: Canaries, log: Everything) -> None:
    canaries.say("number")
    logging.getLogger("planted").warning("visit of %s", canaries.say("notes"))
    assert canaries.met(log.written.getvalue()) == {"notes"}
