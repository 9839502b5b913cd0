"""The words sending missions use, in French and English, and what each of them means.

Only tables live here. Every left side is written as people write it; it is folded when the tables are built.
"""

from enum import StrEnum
from functools import cache

import pycountry
from babel import Locale
from babel.dates import get_month_names

from webapp.formats import plain
from webapp.money import EXPONENT

_APOSTROPHES = str.maketrans(dict.fromkeys("’'ʼ`‘", " "))


def folded(words: str) -> str:
    """Fold words of the list (not names): as ``formats.plain``, with elided articles set apart."""
    return plain(words.translate(_APOSTROPHES))


class Field(StrEnum):
    """What a column of a referral list can hold."""

    EXTERNAL_REF = "external_ref"
    FAMILY_NAME = "family_name"
    GIVEN_NAMES = "given_names"
    FULL_NAME = "full_name"
    SEX = "sex"
    BIRTH_DATE = "birth_date"
    NATIONALITY = "nationality"
    PHONES = "phones"
    LANGUAGES = "languages"
    SITUATION = "situation"
    INTERVIEWED_ON = "interviewed_on"
    DEPARTURE_ON = "departure_on"
    FLIGHT = "flight"
    ARRIVAL_AIRPORT = "arrival_airport"
    REGION = "region"
    PLACE = "place"
    CONTACT_PERSON = "contact_person"
    ACTIVITY = "activity"
    DONOR = "donor"
    CEILING = "ceiling"
    HOUSEHOLD = "household"
    NEEDS = "needs"
    REMARKS = "remarks"


class Situation(StrEnum):
    """Where the return procedure stands."""

    INTERVIEWED = "interviewed"
    MEDICAL_OK = "medical_ok"
    LAISSEZ_PASSER_ASKED = "laissez_passer_asked"
    LAISSEZ_PASSER_RECEIVED = "laissez_passer_received"
    DEPARTURE_SET = "departure_set"
    DEPARTED = "departed"
    WITHDRAWN = "withdrawn"
    WITHDRAWN_AT_AIRPORT = "withdrawn_at_airport"


class NeedCode(StrEnum):
    """A service somebody needs: never a label of the person, never a diagnosis."""

    MEDICAL_FOLLOW_UP = "medical_follow_up"
    MEDICATION = "medication"
    SINGLE_PARENT = "single_parent"
    UNACCOMPANIED_MINOR = "unaccompanied_minor"
    EMERGENCY_HOUSING = "emergency_housing"
    SCHOOLING = "schooling"
    PSYCHOSOCIAL_SUPPORT = "psychosocial_support"
    PROTECTION = "protection"
    OTHER = "other"


RESTRICTED = frozenset({NeedCode.PROTECTION, NeedCode.PSYCHOSOCIAL_SUPPORT})
"""Needs that no list, search, alert or pack may show."""


class Sector(StrEnum):
    """The trade of a project idea."""

    AGRICULTURE = "agriculture"
    LIVESTOCK = "livestock"
    FISHERY = "fishery"
    FOOD = "food"
    RETAIL = "retail"
    TAILORING = "tailoring"
    HAIRDRESSING = "hairdressing"
    PHONE_REPAIR = "phone_repair"
    MECHANICS = "mechanics"
    METALWORK = "metalwork"
    TRANSPORT = "transport"
    CONSTRUCTION = "construction"


HEADINGS: dict[Field, str] = {
    Field.EXTERNAL_REF: "N° | N° dossier | Numéro | Dossier | Référence | Réf. dossier | Réf. | Identifiant | ID dossier | ID | "
    "Code dossier | Case number | Case no | Case ID | Case | Case reference | Reference | Reference number | File number | File no",
    Field.FAMILY_NAME: "Nom | Nom famille | Patronyme | Family name | Last name | Surname",
    Field.GIVEN_NAMES: "Prénom | Given name | First name | Forename",
    Field.FULL_NAME: "Nom et prénom | Prénom et nom | Nom complet | Full name | Name | Nom prénom",
    Field.SEX: "Sexe | Genre | Sex | Gender | S",
    Field.BIRTH_DATE: "Date naissance | Date naiss. | Né(e) le | Naissance | DDN | Date nais. | Date of birth | Birth date | DOB | Born",
    Field.NATIONALITY: "Nationalité | Pays origine | Pays | Pays retour | Pays destination | Nationality | Country | "
    "Country origin | Country of return | Citizenship",
    Field.PHONES: "Téléphone | Tél. | Numéro téléphone | N° téléphone | N° tél. | Mobile | Portable | GSM | Contact téléphonique | Phone | "
    "Phone number | Telephone | Telephone number | Mobile number | Cell | WhatsApp",
    Field.LANGUAGES: "Langue | Langue parlée | Language | Language spoken | Spoken language",
    Field.SITUATION: "Situation | Statut | État | Étape | État dossier | Statut dossier | Situation dossier | Status | Stage | Case status",
    Field.INTERVIEWED_ON: "Date entretien | Entretien | Entretien le | Date interview | Interview date | Interview | Interviewed on",
    Field.DEPARTURE_ON: "Date départ | Départ | Départ le | Date retour | Date vol | Départ prévu | Departure date | Departure | "
    "Date of departure | Date of return | Return date | Flight date | Departed on",
    Field.FLIGHT: "Vol | N° vol | Numéro vol | Flight | Flight number | Flight no",
    Field.ARRIVAL_AIRPORT: "Aéroport arrivée | Aéroport | Aéroport destination | Arrival airport | Airport | Airport of arrival",
    Field.REGION: "Région | Région retour | Région origine | Province | Region | Region of return | Region of origin",
    Field.PLACE: "Préfecture / ville | Ville | Préfecture | Ville retour | Commune | Localité | Lieu retour | Localité retour | "
    "City | Town | Place | Village | Place of return | City of return | Town city | District",
    Field.CONTACT_PERSON: "Personne contact | Contact | Personne à contacter | Personne à prévenir | Contact famille | Contact familial | "
    "Contact urgence | Contact person | Emergency contact | Next kin | Family contact",
    Field.ACTIVITY: "Projet envisagé | Projet | Activité | Activité envisagée | Projet réintégration | Idée projet | Nom projet | "
    "Micro-projet | Project idea | Planned project | Planned activity | Activity | Business idea | Reintegration project",
    Field.DONOR: "Projet / Bailleur | Bailleur | Donateur | Bailleur fonds | Financement | Programme | "
    "Donor | Project donor | Funding | Funded by",
    Field.CEILING: "Plafond | Plafond allocation | Montant | Montant plafond | Montant maximum | Montant max | Allocation | "
    "Budget | Ceiling | Amount | Maximum amount | Grant | Grant amount",
    Field.HOUSEHOLD: "Composition familiale | Composition famille | Famille | Ménage | Composition ménage | Taille ménage | "
    "Taille famille | Nombre personnes | Household | Household size | Household composition | Family size | Family composition | Family",
    Field.NEEDS: "Besoin signalé | Besoin | Besoin spécifique | Besoin particulier | Vulnérabilité | Need | Special need | Specific need | "
    "Reported need | Need reported | Vulnerability",
    Field.REMARKS: "Observation | Remarque | Commentaire | Note | Divers | Comment | Remark",
}

_TOLERATED = frozenset(
    "de du des d la le les l en a au aux et and the of in on s e es eur euro euros jj mm aaaa aa dd yyyy yy "
    "beneficiaire returnee migrant retourne candidat".split()
)
_CURRENCY_WORDS = {
    "dirham": "MAD",
    "dh": "MAD",
    "dollar": "USD",
    "us": "USD",
    "fcfa": "XOF",
    "cfa": "XOF",
    "franc": "XOF",
    "livre": "GBP",
}
_CURRENCY_CODES = {code.casefold(): code for code in EXPONENT if code != "ALL"}
_NOT_THE_MEANING = _TOLERATED | _CURRENCY_WORDS.keys() | _CURRENCY_CODES.keys()


def heading_key(heading: str) -> frozenset[str]:
    """The words of a heading that carry its meaning, in no order, singular."""
    words = folded(heading).split()
    meaning = frozenset(_singular(word) for word in words if word not in _NOT_THE_MEANING)
    # A heading of tolerated words only ("Du … au …") means nothing, but "S" alone is the sex column.
    return meaning or frozenset(words)


def currency_in(words: str) -> str | None:
    """The currency a heading or cell names, in code or word; None where it names none."""
    if "€" in words:
        return "EUR"
    if "$" in words:
        return "USD"
    for word in (_singular(word) for word in folded(words).split()):
        if word == "euro":
            return "EUR"
        if found := _CURRENCY_CODES.get(word) or _CURRENCY_WORDS.get(word):
            return found
    return None


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") else word


@cache
def heading_fields() -> dict[frozenset[str], Field]:
    return {
        heading_key(phrase): field for field, phrases in HEADINGS.items() for phrase in phrases.split("|")
    }


def _table(**lines: str) -> dict[str, str]:
    return {folded(phrase): meaning for meaning, phrases in lines.items() for phrase in phrases.split("|")}


NOTHING = frozenset(
    folded(word)
    for word in "n/a|na|nc|nd|ras|r.a.s.|néant|aucun|aucune|aucun besoin|sans|non|none|nil|no|null|non renseigné|non communiqué|"
    "inconnu|inconnue|unknown|pas de numéro|à compléter".split("|")
)
"""What people write in a cell to say that there is nothing to write."""

NOT_SETTLED = frozenset(
    folded(word)
    for word in "à confirmer|à définir|en attente|à déterminer|tbc|tbd|to be confirmed|pending".split("|")
)

UNREACHABLE = frozenset(
    folded(word)
    for word in "injoignable|pas joignable|non joignable|sans téléphone|pas de téléphone|éteint|hors service|unreachable|"
    "not reachable|no phone|switched off".split("|")
)

TOTALS = frozenset(
    folded(word)
    for word in "total|totaux|total général|sous-total|somme|ensemble|grand total|subtotal|sum|المجموع".split(
        "|"
    )
)

SEXES = _table(
    f="F|Femme|Féminin|Féminine|Fille|Female|Woman|Girl|W|أنثى",
    m="M|H|Homme|Masculin|Garçon|Male|Man|Boy|ذكر",
    x="X|Autre|Other|Non binaire",
)

SITUATIONS = {
    phrase: Situation(meaning)
    for phrase, meaning in _table(
        interviewed="Entretien fait|Entretien effectué|Entretien réalisé|Entretien OK|Interviewé|Interviewée|Interview done|Interviewed",
        medical_ok="Visite médicale OK|Visite médicale faite|Visite médicale effectuée|Apte au voyage|Apte|Médical OK|Medical OK|"
        "Medical done|Medical check OK|Medical check done|Fit to travel",
        laissez_passer_asked="Laissez-passer demandé|LP demandé|Document de voyage demandé|Laissez-passer en cours|LP en cours|"
        "Travel document requested|Travel document asked|Laissez-passer requested|LP requested",
        laissez_passer_received="Laissez-passer reçu|LP reçu|Laissez-passer obtenu|LP obtenu|Document de voyage reçu|"
        "Travel document received|Laissez-passer received|LP received",
        departure_set="Départ fixé|Départ prévu|Départ programmé|Départ confirmé|Vol réservé|Date de départ fixée|Departure set|"
        "Departure scheduled|Departure planned|Departure confirmed|Flight booked",
        departed="Parti|Partie|Partis|Parti e|Départ effectué|Rentré|Rentrée|Retourné|Retournée|Retour effectué|Arrivé|Arrivée|"
        "Departed|Returned|Left|Arrived",
        withdrawn="Désistement|Désisté|Désistée|S'est désisté|S'est désistée|Abandon|Renoncement|A renoncé|Annulé par le migrant|"
        "Withdrawn|Withdrew|Withdrawal",
        withdrawn_at_airport="Désistement à l'aéroport|Désisté à l'aéroport|Désistée à l'aéroport|A renoncé à l'aéroport|"
        "Désistement aéroport|Withdrawn at airport|Withdrawn at the airport|Withdrew at airport|Withdrew at the airport",
    ).items()
}

LANGUAGES = _table(
    fr="Français|French|الفرنسية",
    en="Anglais|English",
    ar="Arabe|Arabic|العربية",
    ary="Darija|Arabe marocain|Moroccan Arabic|الدارجة",
    zgh="Tamazight|Amazigh|Berbère",
    wo="Wolof|Ouolof",
    fuc="Pulaar|Poulaar|Poular",
    fuf="Pular|Poular de Guinée|Pular fuuta",
    ff="Peul|Peulh|Fula|Fulfulde|Foulfouldé|Fulani",
    srr="Sérère|Serer",
    dyo="Diola|Jola",
    sus="Soussou|Susu|Sosso",
    man="Malinké|Maninka|Maninkakan|Manding",
    mnk="Mandinka|Mandingue",
    bm="Bambara|Bamanankan",
    dyu="Dioula|Dyula|Jula",
    snk="Soninké|Sarakolé",
    bci="Baoulé",
    ln="Lingala",
    sw="Swahili|Kiswahili",
    kg="Kikongo|Kongo",
    lua="Tshiluba|Luba|Ciluba",
    mos="Mooré|Moré|Mossi",
    ha="Haoussa|Hausa",
    dje="Zarma|Djerma",
    ig="Igbo|Ibo",
    yo="Yoruba",
    bin="Edo|Bini",
    pcm="Pidgin|Pidgin English|Nigerian Pidgin",
    kri="Krio",
    ak="Akan|Twi",
    ee="Ewé|Ewe",
    so="Somali",
    am="Amharique|Amharic",
    om="Oromo",
    ti="Tigrinya|Tigrigna",
    bn="Bengali|Bangla",
    es="Espagnol|Spanish",
    pt="Portugais|Portuguese",
    kpe="Kpelle|Guerzé",
)

RELATIONS = frozenset(
    folded(word)
    for word in "mère|père|frère|soeur|sœur|oncle|tante|cousin|cousine|mari|époux|épouse|femme|conjoint|conjointe|fils|fille|neveu|nièce|"
    "ami|amie|voisin|voisine|grand-mère|grand-père|tuteur|tutrice|parent|mother|father|brother|sister|uncle|aunt|husband|wife|son|"
    "daughter|friend|neighbour|neighbor|guardian|nephew|niece|grandmother|grandfather".split("|")
)

SECTORS = {
    phrase: Sector(meaning)
    for phrase, meaning in _table(
        agriculture="maraîchage|agriculture|jardinage|riziculture|cultures|culture|farming|market gardening|gardening",
        livestock="élevage|volaille|aviculture|embouche|moutons|livestock|poultry|dairy",
        fishery="pêche|pisciculture|fishing|fishery",
        food="restauration|restaurant|boulangerie|pâtisserie|gargote|food|catering|bakery",
        retail="commerce|boutique|épicerie|vente|alimentation|retail|shop|grocery|trade",
        tailoring="couture|confection|broderie|tailoring|sewing",
        hairdressing="coiffure|salon de coiffure|esthétique|hairdressing|barber",
        phone_repair="réparation téléphones|réparation de téléphones|téléphonie|phone repair|mobile repair",
        mechanics="mécanique|garage|mechanics|car repair",
        metalwork="soudure|menuiserie métallique|ferronnerie|welding|metalwork",
        transport="taxi-moto|taxi|transport|moto-taxi|motorbike taxi",
        construction="maçonnerie|bâtiment|construction|plomberie|carrelage|électricité|masonry|building",
    ).items()
}

# Beginnings of words, or whole phrases, after folding. The first pages of the list are the narrow ones.
NEED_SIGNS: dict[NeedCode, tuple[str, ...]] = {
    NeedCode.PROTECTION: (
        "vot", "tdp", "victime de traite", "victimes de traite", "traite", "traite des", "traite d", "trafficking", "trafficked",
        "victim of trafficking", "vbg", "gbv", "sgbv", "vss", "violence", "violences", "exploitation", "exploite", "exploitee", "viol",
        "protection", "اتجار",
    ),
    NeedCode.PSYCHOSOCIAL_SUPPORT: (
        "psychologique", "psychosocial", "psychosociale", "psychologue", "psy", "smsps", "mhpss", "psychological", "counselling",
        "sante mentale", "mental health",
    ),
    NeedCode.UNACCOMPANIED_MINOR: (
        "mineur non accompagne", "mineure non accompagnee", "mineurs non accompagnes", "mna", "enfant non accompagne", "mineur isole",
        "unaccompanied", "uam", "uasc", "umc",
    ),
    NeedCode.SINGLE_PARENT: (
        "mere seule", "pere seul", "mere celibataire", "parent isole", "parent seul", "femme seule avec enfant", "femme seule avec enfants",
        "monoparental", "monoparentale", "single mother", "single father", "single parent",
    ),
    NeedCode.EMERGENCY_HOUSING: ("logement", "hebergement", "abri", "loyer", "housing", "shelter", "accommodation", "rent"),
    NeedCode.SCHOOLING: ("scolarite", "scolarisation", "scolaire", "scolaires", "ecole", "schooling", "school", "education"),
    NeedCode.MEDICATION: ("medicament", "medicaments", "medication", "medicine", "medicines", "traitement", "ordonnance", "insuline"),
    NeedCode.MEDICAL_FOLLOW_UP: (
        "suivi medical", "medical", "medicale", "sante", "soins", "soin", "hopital", "medecin", "consultation", "health", "hospital",
        "medical follow up", "grossesse", "enceinte", "accouchement", "pregnant", "pregnancy", "handicap", "blessure", "operation",
    ),
}  # fmt: skip

DIAGNOSES = (
    "diabet", "vih", "hiv", "sida", "aids", "tubercul", "hepatit", "cancer", "tumeur", "epilep", "schizo", "bipolair", "bipolar",
    "depress", "psychos", "psychot", "psychiatr", "suicid", "asthm", "hypertens", "drepano", "cardiaq", "cardiop", "avc", "insuffisance",
    "syphilis", "ist", "toxicoman", "addict", "alcool", "trauma", "ptsd", "paludisme", "ulcere", "fistule", "seropos",
)  # fmt: skip
"""Words that name an illness (beginnings of words, from five letters on). They are never carried further: the service needed is."""

TOO_COMMON_FOR_REMARKS = frozenset(
    {"traite", "traite des", "traite d", "protection", "exploitation", "exploite", "exploitee"}
)
"""Signs of a need for protection in the needs column, but everyday words in a remark ("dossier traité")."""

_DEMONYMS = {
    "GN": "guinéen|guinéenne|guinean|guinée conakry|guinea conakry",
    "CI": "ivoirien|ivoirienne|ivorian|ivory coast|rci",
    "SN": "sénégalais|sénégalaise|senegalese",
    "ML": "malien|malienne|malian",
    "CM": "camerounais|camerounaise|cameroonian",
    "NG": "nigérian|nigériane|nigerian",
    "NE": "nigérien|nigérienne|nigerien",
    "GM": "gambien|gambienne|gambian|the gambia|la gambie",
    "CG": "congo|congo brazzaville|république du congo",
    "CD": "rd congo|rdc|r.d.c.|rd du congo|congo kinshasa|congo rdc|congo drc|drc|dr congo|république démocratique du congo",
    "MA": "marocain|marocaine|moroccan",
    "GH": "ghanéen|ghanéenne|ghanaian",
    "BF": "burkinabè|burkinabé|burkina",
    "BJ": "béninois|béninoise|beninese",
    "TG": "togolais|togolaise|togolese",
    "SL": "sierra-léonais|sierra-léonaise|sierra leonean",
    "LR": "libérien|libérienne|liberian",
    "MR": "mauritanien|mauritanienne|mauritanian",
    "TD": "tchadien|tchadienne|chadian",
    "GA": "gabonais|gabonaise|gabonese",
    "CF": "centrafricain|centrafricaine|rca|centrafrique",
    "GW": "bissau-guinéen|bissau-guinéenne|guinée bissau",
    "DZ": "algérien|algérienne|algerian",
    "TN": "tunisien|tunisienne|tunisian",
    "EG": "égyptien|égyptienne|egyptian",
    "SD": "soudanais|soudanaise|sudanese",
    "SO": "somalien|somalienne|somali",
    "ET": "éthiopien|éthiopienne|ethiopian",
    "BD": "bangladais|bangladaise|bangladeshi",
    "PH": "philippin|philippine|filipino",
}


@cache
def countries() -> dict[str, str]:
    """Folded country names, codes and nationalities, to the ISO 3166 alpha-2 code."""
    names: dict[str, str] = {}
    for country in pycountry.countries:
        for name in ("name", "official_name", "common_name", "alpha_2", "alpha_3"):
            if written := getattr(country, name, None):
                names.setdefault(folded(written), country.alpha_2)
    for language in ("fr", "en", "ar"):
        for code, written in Locale(language).territories.items():
            if pycountry.countries.get(alpha_2=code):
                names.setdefault(folded(written), code)
    for code, phrases in _DEMONYMS.items():
        names |= {folded(phrase): code for phrase in phrases.split("|")}
    return names


@cache
def months() -> dict[str, int]:
    """Folded month names and short names in French, English and Arabic."""
    names = {"fev": 2, "juill": 7, "sep": 9, "sept": 9, "aou": 8}
    for locale in ("fr", "en", "ar", "ar_MA"):
        for width in ("wide", "abbreviated"):
            names |= {
                folded(str(name)): number for number, name in get_month_names(width, "format", locale).items()
            }
    return names


def language_name(code: str, locale: str) -> str:
    """The language as that locale calls it, else as it calls itself; what is no code stays as written."""
    known = pycountry.languages.get(alpha_2=code) or pycountry.languages.get(alpha_3=code)
    if known is None:
        return code
    name = str(Locale.parse(locale).languages.get(code) or _OWN_NAMES.get(code) or known.name)
    return name[:1].upper() + name[1:]


_OWN_NAMES = {"wes": "Kamtok"}
"""Where the registry names a language only in English."""
