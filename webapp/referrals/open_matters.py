"""Referrals that are still open when a case stops or ends."""

from flask_babel import ngettext

from ..cases.open_matters import MATTERS, Matter
from .queries import open_referrals

MATTERS["referrals"] = Matter(
    open_referrals,
    lambda count: ngettext("%(num)s référencement en cours", "%(num)s référencements en cours", count),
    url=lambda case_id: f"/cases/{case_id}/referrals",
    seen_with="referral.see",
)
