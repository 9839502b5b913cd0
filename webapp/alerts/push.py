"""Sending to a phone that sleeps: the only file that speaks to push services.

A push service is asked only at an address on a short list, over TLS, without redirects, without proxies from
the environment, and learns nothing: the words are the same for every alert and travel encrypted.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from .. import clock
from ..config import Settings
from ..keys import Keyring, unb64

SERVICES = ("fcm.googleapis.com", "push.services.mozilla.com", "push.apple.com", "notify.windows.com")
"""The hosts browsers' push services live on; a host below one of these is theirs too."""
LONGEST_ADDRESS = 2048
LARGEST_MESSAGE = 3000
"""A push service takes 4,096 bytes with the encryption's own; more is cut or refused without a word."""
URGENT_TTL, ORDINARY_TTL = 3600, 86_400
PATIENCE = 10
MOST_RETRY_AFTER = 6 * 3600

# Read by one strict pattern and not by a URL parser: what two parsers read differently is refused.
_ADDRESS = re.compile(
    r"(https?)://((?:[a-z0-9-]{1,63}\.)*[a-z0-9-]{1,63})(?::([0-9]{1,5}))?(/[!$-;=?-Z_a-z~%]*)"
)
_SUBJECT = re.compile(
    r"mailto:[^@\s<>]+@[a-z0-9-]+(\.[a-z0-9-]+)+|https://[a-z0-9-]+(\.[a-z0-9-]+)+/?", re.IGNORECASE
)


class Outcome(Enum):
    """What became of one push."""

    SENT = "sent"
    GONE = "gone"
    NOT_ALLOWED = "not allowed"
    REJECTED = "rejected"
    BUSY = "busy"
    NO_ANSWER = "no answer"


@dataclass(frozen=True)
class Result:
    """The outcome, the status the push service answered with, and after how many seconds it wants to be asked again."""

    outcome: Outcome
    status: int | None = None
    retry_after: int | None = None


@dataclass(frozen=True)
class Target:
    """Where to send: a browser's subscription."""

    endpoint: str
    p256dh: str
    auth: str
    origin: str = ""


@dataclass(frozen=True)
class Sender:
    """What every push is signed with, and which hosts beyond the push services may be asked (tests only)."""

    key: ec.EllipticCurvePrivateKey
    subject: str
    extra_hosts: tuple[str, ...] = ()

    @classmethod
    def of(cls, keyring: Keyring, settings: Settings) -> "Sender":
        return cls(keyring.vapid, settings.vapid_subject, settings.extra_push_hosts)


def check_subject(subject: str) -> None:
    """Push services want to know whom to write to: refuse to start with an address they would refuse."""
    if not _SUBJECT.fullmatch(subject):
        raise RuntimeError("VAPID_SUBJECT must be mailto:somebody@an.organisation or https://an.organisation")


def is_allowed(endpoint: object, extra_hosts: Sequence[str] = ()) -> bool:
    """Whether this address belongs to a push service we know."""
    if not isinstance(endpoint, str) or len(endpoint) > LONGEST_ADDRESS:
        return False
    match = _ADDRESS.fullmatch(endpoint)
    if match is None:
        return False
    scheme, host, port, _path = match.groups()
    if f"{host}:{port}" in extra_hosts:
        return scheme == "https" or host in ("127.0.0.1", "localhost")
    return (
        scheme == "https"
        and port in (None, "443")
        and any(host == service or host.endswith(f".{service}") for service in SERVICES)
    )


def are_keys(p256dh: object, auth: object) -> bool:
    """Whether these are the keys of a browser: a point on the curve, and sixteen bytes."""
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unb64(str(p256dh)))
        return len(unb64(str(auth))) == 16 and len(unb64(str(p256dh))) == 65
    except ValueError:
        return False


def hash_of(endpoint: str) -> str:
    """What a subscription is found by without its address being readable."""
    return hashlib.sha256(endpoint.encode()).hexdigest()


def message(body: str, *, path: str, tag: str, locale: str, origin: str) -> bytes:
    """The push in the form that browsers can show by themselves, should the worker fail."""
    notification = {"title": "Suivi", "lang": locale, "body": body, "navigate": origin + path, "tag": tag}
    written = json.dumps({"web_push": 8030, "notification": notification}, ensure_ascii=False).encode()
    if len(written) > LARGEST_MESSAGE:
        raise ValueError("a push says one sentence")
    return written


def send_all(
    parcels: Sequence[tuple[Target, bytes]], *, sender: Sender, urgent: bool, topic: str
) -> list[Result]:
    """Send to all browsers of a person at once, so that one slow service does not hold back the others."""
    if not parcels:
        return []
    with ThreadPoolExecutor(max_workers=len(parcels)) as pool:
        return list(
            pool.map(lambda parcel: send(*parcel, sender=sender, urgent=urgent, topic=topic), parcels)
        )


def send(target: Target, content: bytes, *, sender: Sender, urgent: bool, topic: str) -> Result:
    """Send one push and say what happened; never raises for what a push service or the network does."""
    if not is_allowed(target.endpoint, sender.extra_hosts) or not are_keys(target.p256dh, target.auth):
        return Result(Outcome.NOT_ALLOWED)
    from pywebpush import Vapid, WebPushException, webpush
    from requests import RequestException, TooManyRedirects

    with _session() as session:
        try:
            webpush(
                subscription_info={
                    "endpoint": target.endpoint,
                    "keys": {"p256dh": target.p256dh, "auth": target.auth},
                },
                data=content.decode(),
                vapid_private_key=Vapid(private_key=sender.key),
                vapid_claims=_claims(target.endpoint, sender.subject),
                timeout=PATIENCE,
                ttl=URGENT_TTL if urgent else ORDINARY_TTL,
                headers={"urgency": "high" if urgent else "normal", "topic": topic},
                requests_session=session,
            )
        except WebPushException as refusal:
            return _result(refusal.status_code, refusal.retry_after)
        except TooManyRedirects as redirect:
            return _result(redirect.response.status_code if redirect.response is not None else None, None)
        except RequestException:
            return Result(Outcome.NO_ANSWER)
    return Result(Outcome.SENT, 201)


def _session() -> Any:
    from requests import Session

    session = Session()
    session.max_redirects = 0
    session.trust_env = False
    return session


def _claims(endpoint: str, subject: str) -> dict[str, str | int]:
    # A new one for every push: the library writes into what it is given, and one service's audience would
    # be another's refusal.
    parts = urlsplit(endpoint)
    return {"sub": subject, "aud": f"{parts.scheme}://{parts.netloc.removesuffix(':443')}"}


def _result(status: int | None, retry_after: str | None) -> Result:
    if status is None:
        return Result(Outcome.NO_ANSWER)
    if status in (404, 410):
        return Result(Outcome.GONE, status)
    if status in (408, 425, 429) or status >= 500:
        return Result(Outcome.BUSY, status, _seconds(retry_after))
    return Result(Outcome.REJECTED, status)


def _seconds(retry_after: str | None, now: datetime | None = None) -> int | None:
    """Seconds of a Retry-After header, which may also be a date."""
    if not retry_after:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        return min(int(retry_after[:9]), MOST_RETRY_AFTER)
    try:
        wait = (parsedate_to_datetime(retry_after) - (now or clock.now())).total_seconds()
    except (ValueError, TypeError):
        return None
    return max(0, min(int(wait), MOST_RETRY_AFTER))
