"""What was doubted while reading a referral list, and the one place where each doubt has its sentence."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from babel import Locale
from babel.dates import format_date
from flask_babel import get_locale
from flask_babel import lazy_gettext as _l

from webapp.formats import listed


class Weight(StrEnum):
    """What a doubt does to its row."""

    NOTE = "note"
    """Shown beside the row; nobody has to decide."""
    LOOK = "look"
    """Somebody must look before the row is taken in."""
    REFUSAL = "refusal"
    """The row cannot be taken in."""


@dataclass(frozen=True)
class Doubt:
    """One thing that could not be understood, or was understood by a rule people should know.

    ``cell`` is the text of the cell, shortened; it stays empty where the text itself must not travel on (needs).
    ``about`` is the fact the sentence needs: a country code, a line number, a year, names of fields.
    """

    field: str
    code: str
    cell: str = ""
    about: str = ""

    @property
    def weight(self) -> Weight:
        return WEIGHTS[self.code]

    @property
    def sentence(self) -> str:
        """The doubt in the reader's language."""
        facts = {"cell": self.cell, "about": self.about}
        if self.code in _ABOUT_DAYS:
            facts = {name: _day(text) for name, text in facts.items()}
        elif self.code in _ABOUT_A_COUNTRY:
            facts["about"] = country_name(self.about)
        elif self.code in _ABOUT_FIELDS:
            facts["about"] = listed(str(FIELD_NAMES.get(name, name)) for name in self.about.split())
        return str(SENTENCES[self.code]) % facts


def _day(text: str) -> str:
    """An ISO date as the reader writes it; other text as it is."""
    try:
        return format_date(date.fromisoformat(text), "d MMM y", locale=get_locale() or Locale("fr"))
    except ValueError:
        return text


def country_name(code: str) -> str:
    """The country in the reader's language, or the code itself."""
    return str((get_locale() or Locale("fr")).territories.get(code, code))


NOTES = {
    "formula_not_taken": _l("La cellule contient une formule (%(cell)s) : elle n’est pas reprise."),
    "cell_error": _l("La cellule contient une erreur de tableur (%(cell)s) : elle est lue comme vide."),
    "markup_as_text": _l("La cellule contient des balises : elles sont gardées comme simple texte."),
    "text_cut": _l("Le texte est trop long : seul le début est gardé."),
    "two_digit_year": _l("Année sur deux chiffres « %(cell)s » : lue %(about)s."),
    "date_from_number": _l("La date est écrite comme un nombre de tableur (%(cell)s) : lue %(about)s."),
    "birth_approximate": _l("Date de naissance approximative : « %(cell)s »."),
    "sex_missing": _l("Le sexe n’est pas indiqué."),
    "phone_not_valid": _l("Le numéro « %(cell)s » n’est pas valable (%(about)s) : gardé comme écrit."),
    "phone_country_assumed": _l(
        "Le numéro « %(cell)s » n’a pas d’indicatif : lu comme un numéro du pays de nationalité (%(about)s)."
    ),
    "phone_no_country": _l(
        "Le numéro « %(cell)s » n’a pas d’indicatif et la nationalité est inconnue : gardé comme écrit."
    ),
    "phone_unread": _l("« %(cell)s » n’est pas un numéro de téléphone : gardé comme écrit."),
    "phone_unreachable": _l("Personne indiquée comme injoignable."),
    "phone_same_as_own": _l("Le numéro de la personne de contact est le même que celui de la personne."),
    "language_unknown": _l("Langue inconnue : « %(cell)s », gardée comme écrite."),
    "currency_assumed": _l("La devise n’est pas indiquée : lu en euros."),
    "household_unread": _l("Composition familiale non comprise : « %(cell)s »."),
    "departure_past": _l("Le départ est « fixé » à une date déjà passée (%(cell)s)."),
    "departure_set_without_date": _l("Le départ est « fixé » mais sans date."),
    "single_mother_and_man": _l(
        "« Mère seule » est indiqué pour un homme : lu comme parent seul avec enfant."
    ),
    "diagnosis_not_taken": _l("La cellule nomme une maladie : elle n’est pas reprise, seul le besoin l’est."),
    "remark_withheld": _l(
        "L’observation contient des mots sensibles : elle n’est pas reprise. Voir le fichier d’origine."
    ),
}

LOOKS = {
    "number_missing": _l("Il n’y a pas de numéro de dossier."),
    "number_unusable": _l("Le numéro de dossier ne peut pas être utilisé : « %(cell)s »."),
    "name_incomplete": _l("Le nom ou le prénom manque."),
    "name_not_split": _l(
        "Le nom et le prénom sont dans la même cellule et ne peuvent pas être séparés : « %(cell)s »."
    ),
    "name_unusual": _l("Ce nom contient des chiffres ou des signes : « %(cell)s »."),
    "sex_unknown": _l("Sexe non compris : « %(cell)s »."),
    "birth_missing": _l("La date de naissance manque."),
    "date_unread": _l("Date non comprise : « %(cell)s »."),
    "date_impossible": _l("Date impossible : « %(cell)s »."),
    "date_month_first": _l("Date écrite mois d’abord « %(cell)s » : lue %(about)s."),
    "age_unlikely": _l("Âge peu vraisemblable : né(e) en %(about)s."),
    "minor": _l("Cette personne a moins de 18 ans, ou pourrait les avoir."),
    "minor_is_adult": _l(
        "« Mineur non accompagné » est indiqué, mais la date de naissance est celle d’un adulte."
    ),
    "nationality_missing": _l("La nationalité manque."),
    "nationality_unknown": _l("Pays ou nationalité non compris : « %(cell)s »."),
    "situation_missing": _l("La situation manque."),
    "situation_unknown": _l("Situation non comprise : « %(cell)s »."),
    "departure_before_interview": _l("Le départ (%(cell)s) est avant l’entretien (%(about)s)."),
    "departed_without_date": _l("La personne est partie, mais la date de départ manque."),
    "departed_after_list": _l(
        "La personne est dite partie, mais le départ (%(cell)s) est après la date de la liste (%(about)s)."
    ),
    "interview_after_list": _l("L’entretien (%(cell)s) est après la date de la liste (%(about)s)."),
    "ceiling_missing": _l("Le plafond n’est pas fixé."),
    "ceiling_unread": _l("Montant non compris : « %(cell)s »."),
    "ceiling_ambiguous": _l("Montant ambigu : « %(cell)s » peut être lu de deux façons."),
    "ceiling_other_currency": _l("Le montant n’est pas en euros : « %(cell)s » (%(about)s)."),
    "ceiling_unlikely": _l("Montant peu vraisemblable : « %(cell)s »."),
    "need_unknown": _l("Un besoin signalé n’a pas été compris. Voir le fichier d’origine."),
    "same_number_differs": _l(
        "Même numéro de dossier que la ligne %(cell)s, avec des différences : %(about)s."
    ),
    "number_of_someone_else": _l(
        "Même numéro de dossier que la ligne %(cell)s, mais c’est peut-être une autre personne : %(about)s."
    ),
    "perhaps_same_person": _l(
        "Peut-être la même personne qu’à la ligne %(cell)s, sous un autre numéro ou sans numéro. Différences : %(about)s."
    ),
}

REFUSALS = {"no_name": _l("Il n’y a ni nom ni prénom.")}

UNREAD = {
    "total": _l("Ligne de total : elle n’est pas lue."),
    "headings_again": _l("Les titres de colonnes sont répétés : ligne non lue."),
    "remark_line": _l("Ligne de texte sans personne : non lue."),
}
"""Why a line of the sheet is not a row of the list."""

UNREADABLE = {
    "empty": _l("Le fichier est vide."),
    "not_a_workbook": _l("Ce fichier n’est pas un classeur Excel (.xlsx)."),
    "old_workbook": _l(
        "Ce fichier est dans l’ancien format Excel (.xls). Enregistrez-le au format .xlsx, puis envoyez-le de nouveau."
    ),
    "other_workbook": _l(
        "Ce classeur n’est pas au format Excel. Enregistrez-le au format .xlsx, puis envoyez-le de nouveau."
    ),
    "encrypted": _l(
        "Ce classeur est protégé par un mot de passe. Enregistrez-le sans mot de passe, puis envoyez-le de nouveau."
    ),
    "too_large": _l("Ce classeur est trop grand : il ne peut pas être une liste de personnes."),
    "too_many_rows": _l("Cette feuille a trop de lignes. Envoyez la liste en plusieurs fichiers."),
    "too_many_columns": _l("Cette feuille a trop de colonnes."),
    "damaged": _l(
        "Ce classeur est abîmé et ne peut pas être lu. Ouvrez-le dans Excel, enregistrez-le de nouveau, puis renvoyez-le."
    ),
    "no_headings": _l(
        "Aucune ligne de titres connue (nom, date de naissance, nationalité…) n’a été trouvée."
    ),
    "no_rows": _l("La liste a des titres, mais aucune ligne."),
}
"""Why a file as a whole was not read."""

SENTENCES = {**NOTES, **LOOKS, **REFUSALS}
WEIGHTS = {
    **dict.fromkeys(NOTES, Weight.NOTE),
    **dict.fromkeys(LOOKS, Weight.LOOK),
    **dict.fromkeys(REFUSALS, Weight.REFUSAL),
}
_ABOUT_DAYS = frozenset(
    {
        "date_from_number",
        "date_month_first",
        "departure_past",
        "departure_before_interview",
        "departed_after_list",
        "interview_after_list",
    }
)
_ABOUT_A_COUNTRY = frozenset({"phone_not_valid", "phone_country_assumed"})
_ABOUT_FIELDS = frozenset({"same_number_differs", "number_of_someone_else", "perhaps_same_person"})

FIELD_NAMES = {
    "external_ref": _l("numéro de dossier"),
    "family_name": _l("nom"),
    "given_names": _l("prénom"),
    "full_name": _l("nom et prénom"),
    "sex": _l("sexe"),
    "birth_date": _l("date de naissance"),
    "nationality": _l("nationalité"),
    "phones": _l("téléphone"),
    "languages": _l("langues"),
    "situation": _l("situation"),
    "interviewed_on": _l("date d’entretien"),
    "departure_on": _l("date de départ"),
    "flight": _l("vol"),
    "arrival_airport": _l("aéroport d’arrivée"),
    "region": _l("région"),
    "place": _l("ville"),
    "contact_person": _l("personne de contact"),
    "activity": _l("projet envisagé"),
    "donor": _l("bailleur"),
    "ceiling": _l("plafond"),
    "household": _l("composition familiale"),
    "needs": _l("besoins"),
    "remarks": _l("observations"),
}

SITUATION_NAMES = {
    "interviewed": _l("entretien fait"),
    "medical_ok": _l("visite médicale faite"),
    "laissez_passer_asked": _l("laissez-passer demandé"),
    "laissez_passer_received": _l("laissez-passer reçu"),
    "departure_set": _l("départ fixé"),
    "departed": _l("parti(e)"),
    "withdrawn": _l("désistement"),
    "withdrawn_at_airport": _l("désistement à l’aéroport"),
}

NEED_NAMES = {
    "medical_follow_up": _l("suivi médical"),
    "medication": _l("médicaments"),
    "single_parent": _l("parent seul avec enfant"),
    "unaccompanied_minor": _l("mineur non accompagné"),
    "emergency_housing": _l("logement d’urgence"),
    "schooling": _l("scolarité"),
    "psychosocial_support": _l("soutien psychosocial"),
    "protection": _l("protection"),
    "other": _l("autre besoin"),
}

SECTOR_NAMES = {
    "agriculture": _l("agriculture"),
    "livestock": _l("élevage"),
    "fishery": _l("pêche"),
    "food": _l("restauration"),
    "retail": _l("commerce"),
    "tailoring": _l("couture"),
    "hairdressing": _l("coiffure"),
    "phone_repair": _l("réparation de téléphones"),
    "mechanics": _l("mécanique"),
    "metalwork": _l("soudure"),
    "transport": _l("transport"),
    "construction": _l("bâtiment"),
}

OUTCOME_NAMES = {
    "ok": _l("compris"),
    "same": _l("déjà dans la liste"),
    "look": _l("à regarder"),
    "refused": _l("refusé"),
}
