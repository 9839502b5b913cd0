"""What single cells mean, in the spellings sending missions use."""

# ruff: noqa: DTZ001  (the dates of a workbook have no zone)

from datetime import date, datetime, time

import pytest

from webapp.cases.intake import NeedCode, Outcome
from webapp.cases.intake.doubts import LOOKS, NOTES, REFUSALS, SENTENCES, Doubt
from webapp.cases.intake.vocabulary import HEADINGS, Field, heading_fields, heading_key
from webapp.cases.intake.words import (
    Broken,
    Formula,
    read_birth_date,
    read_ceiling,
    read_contact_person,
    read_day,
    read_flight,
    read_full_name,
    read_household,
    read_languages,
    read_nationality,
    read_needs,
    read_phones,
    read_remarks,
    read_sex,
    read_situation,
    sector_of,
)
from webapp.money import Money

LISTED = date(2026, 10, 31)


def codes(meaning):
    return [doubt.code for doubt in meaning.doubts]


def test_a_plain_row_raises_no_doubt(person):
    row = person()
    assert row.outcome == Outcome.OK
    assert row.doubts == ()
    assert (row.flight, row.ceiling, row.household.size, row.sector) == (
        "AT 531",
        Money(261500, "EUR"),
        3,
        "tailoring",
    )


# --- dates


@pytest.mark.parametrize(
    ("cell", "day", "doubts"),
    [
        ("10-Feb-03", date(2003, 2, 10), ["two_digit_year"]),
        ("28.07.71", date(1971, 7, 28), ["two_digit_year"]),
        ("04.12.30", date(1930, 12, 4), ["two_digit_year", "age_unlikely"]),
        ("3 août 1999", date(1999, 8, 3), []),
        ("1er janvier 2001", date(2001, 1, 1), []),
        ("Feb 10, 2003", date(2003, 2, 10), []),
        ("10 févr. 2003", date(2003, 2, 10), []),
        ("٢٨/٠٩/١٩٧٨", date(1978, 9, 28), []),
        ("1996-05-12 00:00:00", date(1996, 5, 12), []),
        ("19960512", date(1996, 5, 12), []),
        (19960512, date(1996, 5, 12), []),
        (datetime(1996, 5, 12, 23, 59), date(1996, 5, 12), []),
        (37736, date(2003, 4, 25), ["date_from_number"]),
        (37736.5, None, ["date_unread"]),
        ("37736", date(2003, 4, 25), ["date_from_number"]),
        ("03/04/1999", date(1999, 4, 3), []),
        ("04/25/1999", date(1999, 4, 25), ["date_month_first"]),
        ("31/02/1999", None, ["date_unread"]),
        ("12/05/2031", None, ["date_impossible"]),
        (datetime(1900, 1, 1), None, ["date_impossible"]),
        (datetime(9999, 12, 31), None, ["date_impossible"]),
        (10**400, None, ["date_unread"]),
        (float("nan"), None, ["date_unread"]),
        (True, None, ["date_unread"]),
        (time(12, 0), None, ["date_unread"]),
        ("hier", None, ["date_unread"]),
        ("12 mai", None, ["date_unread"]),
        ("–", None, ["birth_missing"]),
        (None, None, ["birth_missing"]),
        (Formula("=TODAY()"), None, ["formula_not_taken", "birth_missing"]),
        (Broken("#REF!"), None, ["cell_error", "birth_missing"]),
    ],
)
def test_a_birth_date_is_in_the_past(cell, day, doubts):
    meaning = read_birth_date(cell, as_of=LISTED)
    assert (meaning.value.day, codes(meaning)) == (day, doubts)


@pytest.mark.parametrize(
    "cell", ["vers 1998", "env. 1998", "~1998", "1998", 1998, "né vers 1998", "circa 1998"]
)
def test_a_year_alone_is_an_approximate_birth_date(cell):
    meaning = read_birth_date(cell, as_of=LISTED)
    assert (meaning.value.day, meaning.value.approximate) == (date(1998, 1, 1), True)
    assert codes(meaning) == ["birth_approximate"]


@pytest.mark.parametrize(
    ("cell", "day", "doubts"),
    [
        ("04.12.25", date(2025, 12, 4), ["two_digit_year"]),
        ("2026-08-26", date(2026, 8, 26), []),
        (46022, date(2025, 12, 31), ["date_from_number"]),
        ("03/04/26", date(2026, 4, 3), ["two_digit_year"]),
        ("02/14/2026", date(2026, 2, 14), ["date_month_first"]),
        ("à confirmer", None, []),
        ("2026", None, ["date_unread"]),
        ("12/12/1999", None, ["date_impossible"]),
        ("12/12/2099", None, ["date_impossible"]),
    ],
)
def test_other_dates_are_in_this_century(cell, day, doubts):
    meaning = read_day(cell, Field.DEPARTURE_ON, as_of=LISTED)
    assert (meaning.value, codes(meaning)) == (day, doubts)


def test_dates_that_contradict_each_other_need_a_look(person):
    assert "departure_before_interview" in [
        doubt.code for doubt in person({"Date départ": "01/01/2026"}).reasons
    ]
    assert "departed_without_date" in [doubt.code for doubt in person({"Date départ": None}).reasons]
    after = person({"Date départ": "05/11/2026"}).reasons
    assert [doubt.sentence for doubt in after] == [
        "La personne est dite partie, mais le départ (5 nov. 2026) est après la date de la liste (31 oct. 2026)."
    ]
    assert "interview_after_list" in [
        doubt.code
        for doubt in person({"Date entretien": "05/11/2026", "Situation": "Entretien fait"}).reasons
    ]


def test_a_minor_needs_a_look_and_so_does_who_might_be_one(person):
    assert [doubt.code for doubt in person({"Date de naiss.": "01/11/2008"}).reasons] == ["minor"]
    assert person({"Date de naiss.": "31/10/2008"}).reasons == ()
    assert [doubt.code for doubt in person({"Date de naiss.": "vers 2008"}).reasons] == ["minor"]
    assert person({"Date de naiss.": "vers 2007"}).reasons == ()
    unaccompanied = {"Besoins signalés": "mineur non accompagné"}
    assert [doubt.code for doubt in person(unaccompanied).reasons] == ["minor_is_adult"]
    assert [doubt.code for doubt in person({**unaccompanied, "Date de naiss.": "01/11/2010"}).reasons] == [
        "minor"
    ]


# --- phones


@pytest.mark.parametrize(
    ("cell", "country", "numbers"),
    [
        ("+224 622 11 22 33", "GN", [("+224622112233", None)]),
        ("00224622112233", "SN", [("+224622112233", None)]),
        ("622 11 22 33", "GN", [("+224622112233", "phone_country_assumed")]),
        (622112233, "GN", [("+224622112233", "phone_country_assumed")]),
        (622112233.0, "GN", [("+224622112233", "phone_country_assumed")]),
        (224622112233, "GN", [("+224622112233", "phone_country_assumed")]),
        ("622 11 22 33", None, [(None, "phone_no_country")]),
        ("+225 73 132 2817", "CI", [(None, "phone_not_valid")]),
        ("54-32-31-94", "CI", [(None, "phone_not_valid")]),
        ("+225268599528 / +225825995862", "CI", [(None, "phone_not_valid")] * 2),
        (
            "+224622112233 ou 628445566",
            "GN",
            [("+224622112233", None), ("+224628445566", "phone_country_assumed")],
        ),
        ("+224622112233\n+224628445566", "GN", [("+224622112233", None), ("+224628445566", None)]),
        ("62/21/12/23/3", "GN", [("+224622112233", "phone_country_assumed")]),
        ("+٢٢٤ ٦٢٢ ١١ ٢٢ ٣٣", "GN", [("+224622112233", None)]),
        ("12", "GN", [(None, "phone_unread")]),
        ("voir dossier", "GN", [(None, "phone_unread")]),
        ("--", "GN", []),
        ("néant", "GN", []),
        (None, "GN", []),
    ],
)
def test_phones_are_read_or_kept_as_written(cell, country, numbers):
    assert [(phone.e164, phone.doubt) for phone in read_phones(cell, country).value] == numbers


def test_a_phone_never_blocks_a_row(person):
    row = person({"Téléphone": "+225268599528 / 12 / voir dossier", "Personne de contact": "oncle, 54323194"})
    assert row.outcome == Outcome.OK
    assert len(row.phones) == 4


def test_unreachable_is_said_not_kept_as_a_number():
    meaning = read_phones("injoignable", "GN")
    assert (meaning.value, codes(meaning)) == ([], ["phone_unreachable"])


@pytest.mark.parametrize(
    ("cell", "who", "numbers"),
    [
        ("frère 6131860", "frère", [("6131860", "frère")]),
        ("oncle, 54323194", "oncle", [("54323194", "oncle")]),
        ("mère", "mère", []),
        ("Fatou Bah (sœur) +224 622 11 22 33", "Fatou Bah (sœur", [("+224 622 11 22 33", "sœur")]),
        ("+224622112233", None, [("+224622112233", None)]),
        ("-", None, []),
    ],
)
def test_contact_people_have_a_word_and_perhaps_a_number(cell, who, numbers):
    name, phones = read_contact_person(cell, "GN").value
    assert name == who
    assert [(phone.raw, phone.relation) for phone in phones] == numbers
    assert all(phone.kind == "contact" for phone in phones)


# --- money


@pytest.mark.parametrize(
    ("cell", "minor"),
    [
        ("2 615", 261500),
        ("2\u00a0615", 261500),
        ("2\u202f615,00", 261500),
        ("2\u2009615,50 €", 261550),
        ("1700 EUR", 170000),
        ("EUR 1700", 170000),
        ("800,00", 80000),
        ("800.5", 80050),
        (1500, 150000),
        (1500.0, 150000),
        (1500.1, 150010),
        ("2.615,00", 261500),
        ("2,615.00", 261500),
        ("1'700", 170000),
        ("١٧٠٠", 170000),
    ],
)
def test_amounts_are_exact(cell, minor):
    meaning = read_ceiling(cell, heading_currency="EUR")
    assert (meaning.value, codes(meaning)) == (Money(minor, "EUR"), [])


@pytest.mark.parametrize(
    ("cell", "doubt"),
    [
        ("à confirmer", "ceiling_missing"),
        (None, "ceiling_missing"),
        ("1.700", "ceiling_ambiguous"),
        ("1,700", "ceiling_ambiguous"),
        ("1700 MAD", "ceiling_other_currency"),
        ("500 000 FCFA", "ceiling_other_currency"),
        ("$ 1700", "ceiling_other_currency"),
        (1500.123, "ceiling_unread"),
        (-1500, "ceiling_unread"),
        ("1500 ou 1800", "ceiling_unread"),
        (float("inf"), "ceiling_unread"),
        (datetime(2026, 1, 1), "ceiling_unread"),
    ],
)
def test_what_is_not_an_amount_in_euros_is_not_taken(cell, doubt):
    meaning = read_ceiling(cell, heading_currency="EUR")
    assert (meaning.value, codes(meaning)) == (None, [doubt])


def test_unlikely_amounts_are_taken_with_a_doubt():
    assert codes(read_ceiling(10_000_000, heading_currency="EUR")) == ["ceiling_unlikely"]
    assert codes(read_ceiling("1,7", heading_currency="EUR")) == ["ceiling_unlikely"]


def test_without_a_currency_euros_are_assumed_and_said():
    assert codes(read_ceiling("1700", heading_currency=None)) == ["currency_assumed"]
    assert codes(read_ceiling("1700", heading_currency="MAD")) == ["ceiling_other_currency"]


# --- closed words


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("Guinée", "GN"),
        ("GUINÉE ", "GN"),
        ("Guinea", "GN"),
        ("Côte d’Ivoire", "CI"),
        ("COTE D'IVOIRE", "CI"),
        ("Congo", "CG"),
        ("RD Congo", "CD"),
        ("Nigéria", "NG"),
        ("nigérienne", "NE"),
        ("nigériane", "NG"),
        ("Sénégalaise", "SN"),
        ("gin", "GN"),
        ("ML", "ML"),
        ("المغرب", "MA"),
        ("Guinée-Bissau", "GW"),
        ("Guinée équatoriale", "GQ"),
        ("Atlantide", None),
        ("congolaise", None),
    ],
)
def test_countries_are_known_by_name_code_and_people(cell, code):
    meaning = read_nationality(cell)
    assert (meaning.value, codes(meaning)) == (code, [] if code else ["nationality_unknown"])


@pytest.mark.parametrize(
    ("cell", "sex"),
    [("F", "f"), ("f", "f"), ("Femme", "f"), ("H", "m"), ("m", "m"), ("Homme", "m"), ("?!x", "x")],
)
def test_sex_is_read_in_french_and_english(cell, sex):
    assert read_sex(cell).value == sex


def test_an_unknown_sex_needs_a_look():
    assert codes(read_sex("à voir")) == ["sex_unknown"]


@pytest.mark.parametrize(
    ("cell", "situation"),
    [
        ("Parti(e)", "departed"),
        ("partie", "departed"),
        ("Entretien fait", "interviewed"),
        ("Visite médicale OK", "medical_ok"),
        ("Laissez-passer demandé", "laissez_passer_asked"),
        ("Laissez-passer reçu", "laissez_passer_received"),
        ("Départ fixé", "departure_set"),
        ("Désistement", "withdrawn"),
        ("Désistement à l'aéroport", "withdrawn_at_airport"),
        ("desistement a l’aeroport", "withdrawn_at_airport"),
        ("Withdrawn at airport", "withdrawn_at_airport"),
        ("pas encore parti", None),
        ("Laissez-passer non reçu", None),
    ],
)
def test_situations_are_closed_words(cell, situation):
    meaning = read_situation(cell)
    assert (meaning.value, codes(meaning)) == (situation, [] if situation else ["situation_unknown"])


def test_languages_are_codes_and_unknown_ones_are_kept():
    assert read_languages("Pular/Soussou", "GN").value == ["fuf", "sus"]
    assert read_languages("English, Pidgin", "NG").value == ["en", "pcm"]
    assert read_languages("Français et Pidgin", "CM").value == ["fr", "wes"]
    unknown = read_languages("Klingon; français", "GN")
    assert (unknown.value, codes(unknown)) == (["Klingon", "fr"], ["language_unknown"])


@pytest.mark.parametrize(
    ("cell", "flight"),
    [("AT 531", "AT 531"), ("AT531", "AT 531"), ("ram-525", "RAM 525"), ("charter", "charter")],
)
def test_flights_are_spaced_alike(cell, flight):
    assert read_flight(cell).value == flight


@pytest.mark.parametrize(
    ("cell", "adults", "children", "size"),
    [
        ("seul", 1, 0, 1),
        ("seule", 1, 0, 1),
        (1, 1, 0, 1),
        ("3", None, None, 3),
        ("famille de 4", None, None, 4),
        ("1 + 3 enfant(s)", 1, 3, 4),
        ("2+3", 2, 3, 5),
        ("couple", 2, 0, 2),
        ("couple + 2 enfants", 2, 2, 4),
        ("2 adultes, 1 enfant", 2, 1, 3),
        ("mère avec 2 enfants", 1, 2, 3),
        ("family of 5", None, None, 5),
    ],
)
def test_households_are_counted(cell, adults, children, size):
    household = read_household(cell).value
    assert (household.adults, household.children, household.size) == (adults, children, size)


@pytest.mark.parametrize("cell", ["0", 99, "beaucoup", "1 + 300 enfants"])
def test_a_household_that_cannot_be_counted_is_kept_as_written(cell):
    meaning = read_household(cell)
    assert (meaning.value.size, meaning.value.written, codes(meaning)) == (
        None,
        str(cell),
        ["household_unread"],
    )


# --- needs and remarks


@pytest.mark.parametrize(
    ("cell", "needs"),
    [
        ("suivi médical", ["medical_follow_up"]),
        ("diabète – médicaments", ["medication"]),
        ("diabète", ["medical_follow_up"]),
        ("mère seule avec enfant", ["single_parent"]),
        ("mineur non accompagné", ["unaccompanied_minor"]),
        ("logement d'urgence", ["emergency_housing"]),
        ("scolarité 2 enfants", ["schooling"]),
        ("VoT (confidentiel)", ["protection"]),
        ("victime de traite, hébergement", ["protection", "emergency_housing"]),
        ("soutien psychologique", ["psychosocial_support"]),
        ("suivi santé mentale", ["psychosocial_support"]),
        ("aucun", []),
        ("une chèvre", ["other"]),
    ],
)
def test_needs_are_codes(cell, needs):
    assert [need.code for need in read_needs(cell).value] == needs


def test_protection_and_psychosocial_needs_are_restricted():
    needs = read_needs("VoT, psychologue, médicaments").value
    assert {need.code: need.restricted for need in needs} == {
        NeedCode.PROTECTION: True,
        NeedCode.PSYCHOSOCIAL_SUPPORT: True,
        NeedCode.MEDICATION: False,
    }


def test_the_words_of_a_need_never_travel_with_its_doubt():
    for cell in ("VIH", "schizophrénie", "xyz", Formula('="VoT"'), Broken("#VoT")):
        assert all(doubt.cell == "" for doubt in read_needs(cell).doubts)
    assert codes(read_needs("xyz")) == ["need_unknown"]
    assert codes(read_needs("VIH")) == ["diagnosis_not_taken"]


def test_the_number_of_children_at_school_is_kept():
    assert [need.count for need in read_needs("scolarité 2 enfants").value] == [2]


@pytest.mark.parametrize(
    "cell", ["elle est VoT, ne pas diffuser", "suivie pour VIH", "voir psychologue", "victime de traite"]
)
def test_a_remark_with_sensitive_words_is_kept_back(cell, person):
    text, needs = read_remarks(cell).value
    assert text is None
    assert needs
    row = person({"Observations": cell})
    assert row.remarks is None
    assert cell not in str(row.kept())


@pytest.mark.parametrize(
    "cell", ["dossier traité", "arrivée de nuit ; accueil demandé", "exploitation agricole", "Istanbul"]
)
def test_everyday_remarks_stay(cell):
    assert read_remarks(cell).value == (cell, [])


@pytest.mark.parametrize(
    "cell",
    [Formula('=HYPERLINK("http://127.0.0.1:9/x","voir")'), '=HYPERLINK("http://127.0.0.1:9/x")', "=cmd(1)"],
)
def test_formulas_are_not_taken_over(cell):
    meaning = read_remarks(cell)
    assert (meaning.value[0], codes(meaning)) == (None, ["formula_not_taken"])
    assert "formule" in meaning.doubts[0].sentence


# --- names


def test_a_row_without_a_name_is_refused(person):
    row = person({"Nom": None, "Prénom(s)": "…"})
    assert row.outcome == Outcome.REFUSED
    assert [doubt.sentence for doubt in row.refusals] == ["Il n’y a ni nom ni prénom."]
    assert person({"Nom": "=1+1", "Prénom(s)": None}).outcome == Outcome.REFUSED


def test_half_a_name_or_an_odd_one_needs_a_look(person):
    assert [doubt.code for doubt in person({"Prénom(s)": None}).reasons] == ["name_incomplete"]
    assert [doubt.code for doubt in person({"Nom": "D1allo"}).reasons] == ["name_unusual"]
    assert person({"Nom": "N'Guessan", "Prénom(s)": "Ange-Désiré"}).reasons == ()


def test_hidden_marks_in_a_name_are_removed(person):
    assert person({"Nom": "\u202eDia\u200bllo\u2069 "}).family_name == "Diallo"


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("DIALLO Aminata", ("DIALLO", "Aminata")),
        ("Aminata DIALLO", ("DIALLO", "Aminata")),
        ("Diallo, Aminata", ("Diallo", "Aminata")),
        ("Aminata Diallo", ("Aminata Diallo", "")),
    ],
)
def test_a_full_name_is_split_only_where_it_says_how(cell, name):
    meaning = read_full_name(cell)
    assert meaning.value == name
    assert codes(meaning) == ([] if name[1] else ["name_not_split"])


def test_trades_are_known_by_their_words():
    assert [
        sector_of(words)
        for words in ("élevage de volaille", "taxi-moto", "formation soudure", "astronaute", None)
    ] == [
        "livestock",
        "transport",
        "metalwork",
        None,
        None,
    ]


# --- the tables themselves


def test_no_heading_means_two_things():
    phrases = [(field, phrase) for field, written in HEADINGS.items() for phrase in written.split("|")]
    assert [phrase for field, phrase in phrases if heading_fields()[heading_key(phrase)] != field] == []


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("N° DOSSIER", Field.EXTERNAL_REF),
        ("  prenoms ", Field.GIVEN_NAMES),
        ("Noms et prénoms", Field.FULL_NAME),
        ("Date de naissance (jj/mm/aaaa)", Field.BIRTH_DATE),
        ("Date of birth", Field.BIRTH_DATE),
        ("TÉL.", Field.PHONES),
        ("Plafond €", Field.CEILING),
        ("Plafond (MAD)", Field.CEILING),
        ("Aéroport d’arrivée", Field.ARRIVAL_AIRPORT),
        ("Nom du projet", Field.ACTIVITY),
        ("Nom du père", None),
        ("Date de naissance du conjoint", None),
        ("Visa", None),
        ("", None),
    ],
)
def test_headings_are_known_by_meaning_and_no_others(heading, field):
    assert heading_fields().get(heading_key(heading)) == field


def test_every_doubt_has_a_sentence_and_one_weight():
    assert len(SENTENCES) == len(NOTES) + len(LOOKS) + len(REFUSALS)
    for code in SENTENCES:
        sentence = Doubt("needs", code, "50 % de {x}", "GN").sentence
        assert sentence.endswith(".")
        assert "%(" not in sentence
