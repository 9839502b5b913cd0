"""A referral written without a network: its page is kept, it is taken once, and what is refused comes back whole."""

from datetime import timedelta
from typing import Any

import pytest

from tests.cases.test_pack import later, pack
from tests.offline.conftest import aminata, phone, phones, shelf
from tests.offline.languages import speak
from tests.referrals.conftest import Hands
from tests.world import referral_fields
from webapp import clock
from webapp.referrals.models import Referral, ReferralStep

__all__ = ["aminata", "phone", "phones", "shelf"]


def saves(phone: Any, case: Any, *, supersedes: Any = None, header: Any = None, **fields: str) -> Any:
    return phone.save("referral", case, referral_fields(**fields), supersedes=supersedes, header=header)


def test_the_form_and_the_list_are_kept(ibrahima: Any) -> None:
    second = later(ibrahima, pack(ibrahima))
    kept = {line["pattern"]: line["main"] for line in second if "pattern" in line}
    form = kept["/cases/{case}/referrals/new"]
    assert 'data-outbox="referral"' in form
    assert 'value=""' in form.split('name="id"')[1][:60], "the phone gives each opened form an id"
    assert "%%referrals%%" in kept["/cases/{case}/referrals"]
    assert "/referrals/new" in kept["/cases/{case}/referrals"]


def test_sent_twice_it_is_one_referral(phone: Any, shelf: Any, aminata: Any, cast: Any) -> None:
    at = clock.now() - timedelta(hours=30)
    piece = saves(phone, aminata, header={"claimed_at": at.isoformat()}, urgency="urgent")
    receipts = [phone.post(piece).receipts[0] for _copy in range(3)]
    assert receipts[0] == receipts[1] == receipts[2]
    assert receipts[0]["outcome"] == "accepted"
    [row] = shelf.all(Referral.__table__.select().with_only_columns(Referral.id))
    assert row == piece.id
    assert shelf.count(ReferralStep) == 3
    [entry] = shelf.entries("referral.sent")
    assert (entry.happened_at, entry.by_id) == (at, cast.ibrahima), (
        "when it was written, not when there was a network"
    )


@pytest.mark.parametrize(
    ("locale", "sentence"), [("fr", "Sans l’accord"), ("en", "consent"), ("ar", "موافقة")]
)
def test_without_consent_it_comes_back_with_its_sentence_and_is_corrected(
    app: Any, phone: Any, shelf: Any, aminata: Any, cast: Any, locale: str, sentence: str
) -> None:  # fmt: skip
    speak(app, cast.ibrahima, locale)
    refused = saves(phone, aminata, consent="declined")
    receipt = phone.post(refused).receipts[0]
    assert receipt["outcome"] == "needs attention"
    assert sentence in receipt["errors"]["sent_how"][0]
    assert shelf.count(Referral) == 0
    assert shelf.submission(refused.id).sealed == refused.sealed, "everything typed is kept"
    right = saves(phone, aminata, consent="declined", sent_how="", supersedes=refused.id)
    assert phone.post(right).receipts[0]["outcome"] == "accepted"
    assert shelf.submission(refused.id).superseded_at
    assert len(shelf.entries("referral.declined")) == 1


def test_a_stranger_refers_nobody_and_a_former_officer_delivers(
    app: Any, phones: Any, shelf: Any, aminata: Any, people: Any, cast: Any
) -> None:  # fmt: skip
    for name in ("mariama", "awa", "karim"):
        stranger = phones(name)
        assert stranger.post(saves(stranger, aminata)).receipts[0]["outcome"] == "needs attention"
    own = phones("ibrahima")
    piece = saves(own, aminata, service="protection")
    from webapp.cases.actions import assign_officer
    from webapp.cases.models import Case
    from webapp.database import db

    with app.app_context():
        case = db.session.get_one(Case, aminata)
        assign_officer(case, cast.mariama, officer_name="Mariama", by=None, now=clock.now())
        db.session.commit()
    assert own.post(piece).receipts[0]["outcome"] == "accepted"
    people("ibrahima").opens(f"/referrals/{piece.id}", 404)
    people("salma").opens(f"/referrals/{piece.id}")


def test_of_what_a_cut_off_phone_brings_the_manager_reads_nothing(
    phone: Any, shelf: Any, aminata: Any, kadiatou: Any
) -> None:  # fmt: skip
    kadiatou.posts(f"/phones/{phone.id}/revocation")
    piece = saves(phone, aminata, service="psychosocial", asked="Ce qui ne se dit pas")
    assert phone.post(piece).receipts[0]["outcome"] == "quarantined"
    page = kadiatou.opens(f"/quarantine/{piece.id}")
    assert "Référencement" in page.text()
    for word in ("Ce qui ne se dit pas", "Clinique", "sychosocial"):
        assert word not in page.html
    kadiatou.posts(f"/quarantine/{piece.id}/acceptance", {"reason": "Vu avec lui"})
    assert shelf.count(Referral) == 1
    kadiatou.opens(f"/referrals/{piece.id}", 404)


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"id=x&service=&" + b"a=1&" * 500, b"service=health" * 9000]
)
def test_junk_from_a_phone_is_kept_and_breaks_nothing(
    phone: Any, shelf: Any, aminata: Any, body: bytes
) -> None:  # fmt: skip
    piece = phone.save("referral", aminata, body)
    assert phone.post(piece).receipts[0]["outcome"] == "needs attention"
    assert shelf.count(Referral) == 0


def test_the_list_on_the_phone_follows_what_happens(hands: Hands, ibrahima: Any) -> None:
    before = pack(ibrahima)
    id = hands.refers("ibrahima")
    end = before[-1]
    after = pack(ibrahima, end["cursor"], end["build"])
    [slots] = [line["slots"] for line in after if "about" in line]
    assert "Envoyé, réponse attendue" in slots["referrals"]
    hands.does("salma", id, "acceptance")
    [slots] = [
        line["slots"] for line in pack(ibrahima, after[-1]["cursor"], after[-1]["build"]) if "about" in line
    ]
    assert "Accepté par le service" in slots["referrals"]
