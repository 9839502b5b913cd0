"""What leaves for a push service: where it may go, what it says, how it is sealed."""

import dataclasses
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec

from tests.alerts.push_service import Browser, PushService, push_service, unb64
from webapp.alerts import push
from webapp.alerts.push import Outcome, Sender, Target, is_allowed, message, send


@pytest.fixture
def service() -> Iterator[PushService]:
    with push_service() as service:
        yield service


@pytest.fixture
def tripwire() -> Iterator[PushService]:
    """Nobody may ever arrive here."""
    with push_service() as service:
        yield service


@pytest.fixture
def sender(service: PushService) -> Sender:
    return Sender(ec.generate_private_key(ec.SECP256R1()), "mailto:office@example.org", (service.host,))


def target_of(browser: Browser) -> Target:
    keys = browser.subscription["keys"]
    return Target(browser.endpoint, keys["p256dh"], keys["auth"])


A_MESSAGE = message(
    "Des points vous attendent.", path="/alerts/1", tag="t", locale="fr", origin="https://suivi.example"
)


def test_a_browser_can_open_what_was_sent(service: PushService, sender: Sender) -> None:
    browser = Browser(service.address())
    result = send(target_of(browser), A_MESSAGE, sender=sender, urgent=True, topic="abc")
    assert result.outcome is Outcome.SENT
    [arrived] = service.arrived
    assert browser.opens(arrived.body) == A_MESSAGE
    assert arrived.headers["content-encoding"] == "aes128gcm"
    assert (arrived.headers["ttl"], arrived.headers["urgency"], arrived.headers["topic"]) == (
        "3600",
        "high",
        "abc",
    )
    send(target_of(browser), A_MESSAGE, sender=sender, urgent=False, topic="abc")
    assert (service.arrived[1].headers["ttl"], service.arrived[1].headers["urgency"]) == ("86400", "normal")


def test_the_reader_of_these_tests_opens_the_example_of_rfc_8291() -> None:
    number = int.from_bytes(unb64("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"))
    key = ec.derive_private_key(number, ec.SECP256R1())
    browser = Browser("https://push.example.net", key, unb64("BTBZMqHH6r4Tts7J_aSIgg"))
    body = unb64(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
        "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
        "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    assert browser.opens(body) == b"When I grow up, I want to be a watermelon"


def test_another_browser_cannot_open_it(service: PushService, sender: Sender) -> None:
    browser, other = Browser(service.address()), Browser(service.address("/push/two"))
    send(target_of(browser), A_MESSAGE, sender=sender, urgent=True, topic="abc")
    with pytest.raises(Exception, match=r".*"):
        other.opens(service.arrived[0].body)


def test_the_signature_names_this_service_us_and_an_end_within_a_day(
    service: PushService, sender: Sender
) -> None:
    send(target_of(Browser(service.address())), A_MESSAGE, sender=sender, urgent=True, topic="abc")
    claims = service.arrived[0].claims
    assert claims["aud"] == f"http://{service.host}"
    assert claims["sub"] == "mailto:office@example.org"
    assert time.time() < claims["exp"] < time.time() + 86_400


def test_two_services_get_each_their_own_audience(service: PushService) -> None:
    with push_service() as other:
        sender = Sender(
            ec.generate_private_key(ec.SECP256R1()), "mailto:a@example.org", (service.host, other.host)
        )
        parcels = [(target_of(Browser(place.address())), A_MESSAGE) for place in (service, other, service)]
        results = push.send_all(parcels, sender=sender, urgent=True, topic="abc")
        assert [result.outcome for result in results] == [Outcome.SENT] * 3
        for place in (service, other):
            assert {arrived.claims["aud"] for arrived in place.arrived} == {f"http://{place.host}"}


def test_an_explicit_standard_port_is_not_part_of_the_audience() -> None:
    assert (
        push._claims("https://web.push.apple.com:443/x", "mailto:a@b.org")["aud"]
        == "https://web.push.apple.com"
    )


REAL = [
    "https://fcm.googleapis.com/fcm/send/cX9:APA91bH-_x",
    "https://fcm.googleapis.com:443/wp/abc",
    "https://updates.push.services.mozilla.com/wpush/v2/gAAAAABm-_",
    "https://push.services.mozilla.com/wpush/v1/x",
    "https://web.push.apple.com/QGx0-_",
    "https://wns2-par02p.notify.windows.com/w/?token=BQYAAAB%2fa%2b",
]


@pytest.mark.parametrize("endpoint", REAL)
def test_the_push_services_of_browsers_are_allowed(endpoint: str) -> None:
    assert is_allowed(endpoint)


HOSTILE = [
    "http://{trip}/",
    "https://{trip}/",
    "http://127.0.0.1:{port}/admin",
    "http://localhost:{port}/",
    "http://0.0.0.0:{port}/",
    "http://0:{port}/",
    "http://127.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://[::1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://169.254.169.254/latest/meta-data/",
    "https://fcm.googleapis.com.evil.example/x",
    "https://evilfcm.googleapis.com/x",
    "https://x.fcm.googleapis.com.{trip}/x",
    "https://evil-push.apple.com.example/x",
    "https://notpush.apple.com/x",
    "https://fcm.googleapis.com@{trip}/x",
    "https://fcm.googleapis.com:443@{trip}/x",
    "https://user:secret@fcm.googleapis.com/x",
    "http://{trip}#@fcm.googleapis.com/x",
    "http://{trip}#fcm.googleapis.com/",
    "http://{trip}?fcm.googleapis.com/",
    "http://{trip}/fcm.googleapis.com/",
    "http://{trip}\\@fcm.googleapis.com/x",
    "https://fcm.googleapis.com\\.{trip}/x",
    "https://fcm.googleapis.com#/x",
    "https://fcm。googleapis。com/x",
    "https://fcm．googleapis．com/x",
    "https://fcm.googleapis.cоm/x",
    "https://xn--fcm-googleapis.com/x",
    "http://fcm.googleapis.com/x",
    "https://fcm.googleapis.com:80/x",
    "https://fcm.googleapis.com:8443/x",
    "https://fcm.googleapis.com:0443/x",
    "https://fcm.googleapis.com./x",
    "https://.push.apple.com/x",
    "https:///fcm.googleapis.com/x",
    "https:fcm.googleapis.com/x",
    "//fcm.googleapis.com/x",
    "ftp://fcm.googleapis.com/x",
    "file:///etc/passwd",
    "gopher://{trip}/x",
    "https://fcm.googleapis.com/x\r\nHost: {trip}",
    "https://fcm.googleapis.com\n.{trip}/x",
    "https://fcm.googleapis.com\t@{trip}/x",
    " https://fcm.googleapis.com/x",
    "https://fcm.googleapis.com/x ",
    "https://fcm.googleapis.com%00.{trip}/x",
    "https://fcm.googleapis.com%2e{trip}/x",
    "https://fcm.googleapis.com/" + "x" * 2048,
    "",
]


@pytest.mark.parametrize("written", HOSTILE)
def test_no_other_address_is_ever_asked(written: str, tripwire: PushService, sender: Sender) -> None:
    endpoint = written.replace("{trip}", tripwire.host).replace("{port}", tripwire.host.rpartition(":")[2])
    assert not is_allowed(endpoint, sender.extra_hosts)
    result = send(target_of(Browser(endpoint)), A_MESSAGE, sender=sender, urgent=True, topic="abc")
    assert result.outcome is Outcome.NOT_ALLOWED
    assert tripwire.arrived == []


@pytest.mark.parametrize("endpoint", [None, 1, [], {"a": 1}, b"https://fcm.googleapis.com/x"])
def test_what_is_no_text_is_no_address(endpoint: Any) -> None:
    assert not is_allowed(endpoint)


def test_a_host_allowed_for_tests_needs_its_exact_port_and_loopback_for_http(service: PushService) -> None:
    assert is_allowed(service.address(), (service.host,))
    assert not is_allowed(service.address().replace("127.0.0.1", "localhost"), (service.host,))
    assert not is_allowed("http://push.example:8080/x", ("push.example:8080",))
    assert is_allowed("https://push.example:8080/x", ("push.example:8080",))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(
    status: int, service: PushService, tripwire: PushService, sender: Sender
) -> None:
    service.status, service.headers = status, {"Location": tripwire.address("/internal")}
    result = send(target_of(Browser(service.address())), A_MESSAGE, sender=sender, urgent=True, topic="abc")
    assert (result.outcome, result.status) == (Outcome.REJECTED, status)
    assert tripwire.arrived == []


def test_a_session_that_follows_redirects_is_caught(
    service: PushService, tripwire: PushService, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "_session", requests.Session)  # the planted fault
    service.status, service.headers = 307, {"Location": tripwire.address("/internal")}
    send(target_of(Browser(service.address())), A_MESSAGE, sender=sender, urgent=True, topic="abc")
    assert tripwire.arrived, "the tripwire catches who follows"


def test_the_environment_names_no_proxy(
    service: PushService, tripwire: PushService, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{tripwire.host}")
    monkeypatch.setenv("no_proxy", "")
    result = send(target_of(Browser(service.address())), A_MESSAGE, sender=sender, urgent=True, topic="abc")
    assert result.outcome is Outcome.SENT
    assert tripwire.arrived == []


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.SENT), (201, Outcome.SENT), (202, Outcome.SENT), (404, Outcome.GONE), (410, Outcome.GONE),
        (400, Outcome.REJECTED), (401, Outcome.REJECTED), (403, Outcome.REJECTED), (413, Outcome.REJECTED),
        (429, Outcome.BUSY), (500, Outcome.BUSY), (503, Outcome.BUSY),
    ],
)  # fmt: skip
def test_what_a_push_service_answers_is_understood(
    status: int, outcome: Outcome, service: PushService, sender: Sender
) -> None:
    service.status = status
    result = send(target_of(Browser(service.address())), A_MESSAGE, sender=sender, urgent=True, topic="abc")
    assert result.outcome is outcome


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("999999999999", push.MOST_RETRY_AFTER),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("soon", None),
        ("", None),
        ("-5", None),
    ],
)
def test_how_long_to_wait_is_understood(
    header: str, seconds: int | None, service: PushService, sender: Sender
) -> None:
    service.status, service.headers = 429, {"Retry-After": header}
    result = send(target_of(Browser(service.address())), A_MESSAGE, sender=sender, urgent=True, topic="abc")
    assert result.retry_after == seconds


def test_a_service_that_is_not_there_is_no_answer(sender: Sender) -> None:
    with push_service() as gone:
        host = gone.host
    sender = dataclasses.replace(sender, extra_hosts=(host,))
    result = send(target_of(Browser(f"http://{host}/x")), A_MESSAGE, sender=sender, urgent=True, topic="abc")
    assert result.outcome is Outcome.NO_ANSWER


def test_a_message_is_in_the_declarative_form_and_short() -> None:
    said = json.loads(A_MESSAGE)
    assert said["web_push"] == 8030
    assert said["notification"]["navigate"] == "https://suivi.example/alerts/1"
    assert said["notification"]["title"] == "Suivi"
    assert len(A_MESSAGE) < 3000
    with pytest.raises(ValueError, match="one sentence"):
        message("x" * 3000, path="/", tag="t", locale="fr", origin="")


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [
        (None, None),
        ("", ""),
        ("AAAA", "AAAA"),
        ("é", "é"),
        ("B" + "A" * 86, "A" * 22),
        ({}, []),
        ("A" * 87, "A" * 22),
    ],
)
def test_keys_that_are_no_keys_are_refused(p256dh: Any, auth: Any) -> None:
    assert not push.are_keys(p256dh, auth)


@pytest.mark.parametrize(
    "subject", ["", "office@example.org", "mailto:", "mailto:a@b", "http://example.org", "mailto:a b@c.org"]
)
def test_a_subject_that_push_services_refuse_stops_the_start(subject: str) -> None:
    with pytest.raises(RuntimeError):
        push.check_subject(subject)
    push.check_subject("mailto:suivi@example.org")
    push.check_subject("https://suivi.example.org")
