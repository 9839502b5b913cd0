"""A workbook builder and the sample list, for every test of reading referral lists."""

from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from webapp.cases.intake import ReadRow, ReferralList, read_referral_list

SAMPLE = Path(__file__).parents[2] / "samples" / "referrals-ma-2026-10.xlsx"

A_PERSON = {
    "N° dossier": "MA-AVRR-2026-0001",
    "Nom": "Diallo",
    "Prénom(s)": "Aminata",
    "Sexe": "F",
    "Date de naiss.": "12/05/1996",
    "Nationalité": "Guinée",
    "Téléphone": "+224 622 11 22 33",
    "Langue(s)": "Pular, Français",
    "Situation": "Parti(e)",
    "Date entretien": "03/04/2026",
    "Date départ": "14/06/2026",
    "Vol": "AT531",
    "Aéroport d'arrivée": "Conakry",
    "Région de retour": "Conakry",
    "Préfecture / ville": "Ratoma",
    "Personne de contact": "mère",
    "Projet envisagé": "couture",
    "Projet / Bailleur": "UE – EURP",
    "Plafond (EUR)": "2 615",
    "Composition familiale": "1 + 2 enfant(s)",
    "Besoins signalés": "suivi médical",
    "Observations": "à rappeler",
}
"""A row about which there is nothing to doubt, as a heading and its cell."""


def workbook(
    rows: Sequence[Sequence[Any]],
    *,
    headings: Sequence[Any],
    title: Sequence[Any] = ("Situation au 31/10/2026",),
) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    for line in (list(title), [], list(headings), *(list(row) for row in rows)):
        sheet.append(line)
    file = BytesIO()
    book.save(file)
    return file.getvalue()


@pytest.fixture(scope="session")
def sample_file() -> bytes:
    return SAMPLE.read_bytes()


@pytest.fixture(scope="session")
def sample(sample_file: bytes) -> ReferralList:
    return read_referral_list(sample_file, SAMPLE.name)


@pytest.fixture(scope="session")
def people() -> Callable[..., ReferralList]:
    """``people({...}, {...})``: a list of rows, each A_PERSON with other cells, read from a real workbook."""

    def read(*changes: dict[str, Any], **given: Any) -> ReferralList:
        rows = [[{**A_PERSON, **change}[heading] for heading in A_PERSON] for change in changes]
        return read_referral_list(workbook(rows, headings=list(A_PERSON), **given), "list.xlsx")

    return read


@pytest.fixture(scope="session")
def person(people: Callable[..., ReferralList]) -> Callable[..., ReadRow]:
    """``person({"Sexe": "H"})``: the one row of a list."""
    return lambda change=None, **given: people(change or {}, **given).rows[0]


@pytest.fixture(scope="session")
def make_workbook() -> Callable[..., bytes]:
    return workbook
