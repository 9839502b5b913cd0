"""The way of a referral, as data: which deed leads from where to where, and how soon an answer is expected. Pure."""

from dataclasses import dataclass
from datetime import timedelta

SERVICES = (
    "health", "psychosocial", "legal", "housing", "training", "education", "employment", "protection", "other",
)  # fmt: skip
RESTRICTED = ("psychosocial", "protection")
"""Services of which nobody reads but who wrote the referral and the case's counsellor."""
WITHIN = {"routine": timedelta(days=30), "soon": timedelta(days=7), "urgent": timedelta(hours=24)}
"""How soon somebody must have accepted it."""
STATES = (
    "written", "agreed", "declined", "sent", "accepted", "refused", "did_not_come", "seen", "outcome", "closed",
    "withdrawn",
)  # fmt: skip
"""In the order in which they can follow one another."""
UNANSWERED = ("written", "agreed", "sent")
ENDED = ("declined", "withdrawn", "closed")
WITHOUT_CONSENT = ("written", "declined", "withdrawn")
"""States in which a referral may stand although the person has not agreed to it, or does no more."""


@dataclass(frozen=True)
class Deed:
    """One deed on a referral; none leads back, so that each state is reached once at most."""

    name: str
    to: str
    from_: tuple[str, ...]


DEEDS = {
    deed.name: deed
    for deed in (
        Deed("consent", "agreed", ("written",)),  # or declined
        Deed("sending", "sent", ("agreed",)),
        Deed("acceptance", "accepted", ("sent",)),
        Deed("refusal", "refused", ("sent",)),
        Deed("contact", "seen", ("accepted", "did_not_come")),
        Deed("absence", "did_not_come", ("accepted",)),
        Deed("outcome", "outcome", ("seen",)),
        Deed("closure", "closed", ("refused", "did_not_come", "outcome")),
        Deed("withdrawal", "withdrawn", (*UNANSWERED, "accepted", "seen", "did_not_come")),
    )
}


def possible(state: str) -> list[Deed]:
    """What can be done with a referral now, the next deed first."""
    return [deed for deed in DEEDS.values() if state in deed.from_]
