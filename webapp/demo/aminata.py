"""Aminata: the returnee everybody meets first. A sewing workshop in Ratoma, seven months after coming home."""

from datetime import date, timedelta
from random import Random

from ..cases.actions import assign_counsellor, assign_officer, open_case
from ..cases.models import Case, PhoneNumber, Returnee
from ..money import Money
from .histories import Contact, History, Person, Purchase, World

DAYS_HOME = 196


def tell_aminata(world: World, *, today: date, rng: Random) -> Case:
    """Open her case, and let everything happen until today, when a visit is due."""
    people, office = world.cast.people, world.cast.offices["conakry"]
    ibrahima, karim = people["ibrahima"], people["karim"]
    returnee = Returnee(
        family_name="Bah",
        given_names="Aminata",
        sex="F",
        birth_date=date(1996, 3, 8),
        nationality="GN",
        languages=["Pular", "Français", "Soussou"],
    )
    long_ago = world.now - timedelta(days=DAYS_HOME + 74)
    case = open_case(
        returnee,
        numbers=[
            PhoneNumber(written="620 00 04 11", e164="+224620000411", whose="own"),
            PhoneNumber(written="620 00 04 12", e164="+224620000412", whose="sœur Mariama"),
        ],
        office_id=office.id,
        country="GN",
        stage="interview",
        by=karim.id,
        now=long_ago,
        external_ref="MA-AVRR-2025-0999",
        caseworker_id=karim.id,
        region="Conakry",
        place="Ratoma",
        contact_person="sœur, Mariama",
        activity="couture",
        donor_name="UE – EURP",
        household_size=3,
        needs=["schooling"],
    )
    assign_officer(
        case,
        ibrahima.id,
        officer_name=ibrahima.name,
        by=people["kadiatou"].id,
        now=long_ago + timedelta(days=40),
    )
    assign_counsellor(case, people["salma"].id)
    person = Person(case, "F", "tailoring", Money(200_000, "EUR"), "UE – EURP", may_check_in=True)
    history = History(world, person, ibrahima, arrived_on=today - timedelta(days=DAYS_HOME), rng=rng)
    history.departs_and_arrives()
    history.is_granted(1)
    history.plans(27, 44)
    for purchase in PURCHASES:
        history.buys(purchase)
    for contact in _contacts(today):
        history.meets(contact)
    for day, answers in SURVEYS:
        history.is_surveyed(day, answers)
    history.tell()
    return case


FIRST_ROUND = """
    E1=2 E2=3 E3=1 E4=3 E5=1 E6=2 E7=0 E8=0 E9=1 E10=no_work S1=2 S2=3 S3=4 S4=2 S5=3 S6=1 S7=3 S8=3 S9=2 S10=2 S11=3
    P1=3 P2=4 P3=3 P4=4 P5=4 P6=3 P7=3 P8=0 P9=1"""
LATEST_ROUND = """
    E1=4 E2=4 E3=1 E4=4 E5=1 E6=3 E7=1 E8=1 E9=0 S1=3 S2=3 S3=4 S4=2 S5=3 S6=1 S7=3 S8=4 S9=3 S10=3 S11=3
    P1=4 P2=4 P3=4 P4=4 P5=4 P6=4 P7=4 P8=0 P9=1"""
SURVEYS = ((27, FIRST_ROUND), (151, LATEST_ROUND))
"""Her two rounds of the reintegration survey: the day, counted from arrival, and the answers."""


PURCHASES = (
    Purchase("Deux machines à coudre", "equipment", Money(76_000, "EUR"), 40, 61),
    Purchase("Tissus, fil et ciseaux", "equipment", Money(34_000, "EUR"), 66, 73),
    Purchase("Loyer de l’atelier, six mois", "housing", Money(24_000, "EUR"), 70, 80),
    Purchase("Surjeteuse, chez Barry & Frères", "equipment", Money(31_000, "EUR"), 181, 10_000),
)


def _contacts(today: date) -> list[Contact]:
    return [
        Contact(
            6, "call", "first",
            words="Jaraama ! Je suis chez ma sœur à Ratoma. Ma fille ne me lâche plus.",
            notes="Jointe du premier coup. Demande quand elle peut venir au bureau.",
            agreed="Venir au bureau avec la pièce d’identité", agreed_due_on=today - timedelta(days=DAYS_HOME - 14),
        ),
        Contact(
            27, "home_visit", "plan", activity="not_started",
            words="J’ai cousu quatre ans à Rabat pour les autres. Ici je veux mon nom sur la porte.",
            present="Sa sœur Mariama",
            notes="Métier réel, exemples de robes montrés. Trois devis comparés pour les machines. Plan signé.",
            agreed="Visiter le local du carrefour avec le propriétaire", agreed_due_on=today - timedelta(days=DAYS_HOME - 41),
            wellbeing=11,
        ),
        Contact(
            52, "office", "plan", activity="setting_up",
            words="Le local est petit mais la lumière est bonne jusqu’à dix-neuf heures.",
            notes="Bail de six mois lu ensemble. Le fournisseur livre dans dix jours.",
        ),
        Contact(
            74, "business_visit", "start", activity="setting_up",
            words="Les deux machines sont là ! Toute la rue est venue voir.",
            notes="Livraison conforme au bon de commande. Procès-verbal de remise signé.",
            photos=[
                ("sewing", "goods", "La première machine, branchée et essayée"),
                ("shop", "premises", "L’atelier vu de la rue, enseigne à venir"),
                ("receipt", "document", "Le reçu du fournisseur"),
            ],
            wellbeing=15,
        ),
        Contact(
            118, "call", "running", activity="running_with_difficulty", concern="some",
            words="La pluie est entrée par le toit, j’ai mis les tissus chez ma sœur.",
            notes="Le propriétaire promet la réparation. Rappeler dans un mois.",
            agreed="Relancer le propriétaire pour le toit", agreed_due_on=today - timedelta(days=DAYS_HOME - 140),
        ),
        Contact(
            151, "business_visit", "running", activity="running",
            words="Le toit est réparé. J’ai douze tenues à finir pour un mariage, et une apprentie, Fanta.",
            present="Fanta, son apprentie",
            notes="Cahier de caisse bien tenu, recette en hausse. Une surjeteuse ferait gagner deux heures par jour.",
            photos=[
                ("sewing", "goods", "La deuxième machine, celle de l’apprentie"),
                ("stall", "goods", "Les pagnes achetés pour le mariage"),
            ],
            wellbeing=18,
        ),
        Contact(
            178, "call", "running", activity="running",
            words="Je ne pense plus à repartir. Ma fille a eu de bonnes notes.",
            notes="Pro-forma de la surjeteuse reçue, transmise pour accord.",
            agreed="Passer voir l’apprentie et l’atelier", agreed_due_on=today,
        ),
    ]  # fmt: skip
