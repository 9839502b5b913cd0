"""What people say and officers write in the demo world: invented, in the French of Conakry and Dakar.

``{e}`` agrees with the person, ``{il}``, ``{Il}`` and ``{lui}`` are the person, ``{place}`` where they live, ``{sector}`` what they do.
"""

SECTORS = {
    "agriculture": "le maraîchage",
    "livestock": "l’élevage",
    "fishery": "la vente de poisson",
    "food": "la restauration",
    "retail": "le commerce",
    "tailoring": "la couture",
    "hairdressing": "la coiffure",
    "phone_repair": "la réparation de téléphones",
    "mechanics": "la mécanique",
    "metalwork": "la soudure",
    "transport": "le transport",
    "construction": "le bâtiment",
}

# Ses propres mots, selon le moment.
FIRST_WORDS = [
    "Je suis bien arrivé{e}. Je me repose chez ma mère, je suis content{e} de revoir la famille.",
    "Le voyage était long, mais à l’aéroport on m’a bien accueilli{e}.",
    "Jaraama ! Je vous remercie pour l’appel. J’attends de savoir quand on commence.",
    "Mes petits frères ne me reconnaissaient pas. Ça fait quatre ans.",
    "Je dors encore mal, mais ça va aller.",
    "Dites-moi seulement ce que je dois apporter au bureau, je viendrai.",
    "Ici tout a changé de prix. Je ne sais pas si l’argent suffira.",
    "Mangui fi rek. Je suis là, j’attends votre appel depuis deux jours.",
    "J’ai gardé votre numéro sur un papier, mon téléphone est resté là-bas.",
    "Ma tante m’héberge pour le moment, mais la chambre est petite.",
]
PLAN_WORDS = [
    "Je veux travailler dans {sector}. Je connais le métier, j’ai fait ça trois ans avant de partir.",
    "J’ai vu un local près du marché de {place}, le propriétaire veut six mois d’avance.",
    "Je préfère commencer petit et ne pas faire de dettes.",
    "Mon cousin peut me montrer le travail le temps que le matériel arrive.",
    "J’ai demandé les prix chez trois vendeurs, comme vous m’aviez dit.",
    "Au début je voulais repartir. Maintenant je veux essayer ici.",
    "Si j’ai le matériel avant la fin du mois, je ne rate pas la saison.",
    "Ndank ndank, on va y arriver.",
    "Mon frère est d’accord pour partager l’atelier avec moi.",
    "Je ne sais pas bien écrire, mais les comptes je les ai dans la tête.",
]
START_WORDS = [
    "Le matériel est là ! J’ai appelé tout le quartier pour leur montrer.",
    "J’ai eu mes deux premiers clients hier.",
    "Il manque encore une pièce, le fournisseur dit la semaine prochaine.",
    "Le courant coupe souvent, je travaille tôt le matin.",
    "J’ai peint la devanture moi-même, il reste l’enseigne.",
    "On albarka, le local est à moi pour six mois.",
    "Je me lève à cinq heures, mais c’est pour moi que je travaille.",
    "Le fournisseur a livré la moitié. J’attends le reste avant de signer.",
]
RUNNING_WORDS = [
    "Ça marche bien. Le vendredi je n’arrive pas à servir tout le monde.",
    "J’ai remboursé ma tante et j’ai mis un peu de côté.",
    "J’ai pris un apprenti, c’est le fils du voisin.",
    "Ma fille est retournée à l’école, j’ai payé l’inscription moi-même.",
    "Je ne pense plus à repartir. Ici les gens me connaissent maintenant.",
    "Les clients viennent de loin, on parle de moi à la mosquée et au marché.",
    "Alhamdoulillah, on mange bien et le loyer est payé.",
    "Jërëjëf. Sans ce départ je serais encore en train d’attendre.",
    "Je voudrais une deuxième machine, mais je vais l’acheter avec mes gains.",
    "J’ai ouvert un compte à la microfinance, j’y mets quelque chose chaque semaine.",
    "Mes parents sont fiers, ils ne le disent pas mais je le vois.",
]
DIFFICULT_WORDS = [
    "Il y a des jours où je ne vends rien.",
    "Les gens prennent à crédit et ne reviennent pas.",
    "Avec la pluie, plus personne ne passe devant la boutique.",
    "Le propriétaire veut augmenter le loyer.",
    "La machine est tombée en panne deux fois ce mois-ci.",
    "Au village on me demande toujours de l’argent, on croit que je suis revenu{e} riche.",
    "Les prix ont monté, ma marge est partie.",
    "Je tiens, mais c’est dur. Il faut attendre la saison.",
]
HEAVY_WORDS = [
    "Je ne sors plus beaucoup. Les gens parlent derrière mon dos.",
    "Je n’arrive plus à dormir, je repense au désert.",
    "J’ai honte d’être rentré{e} les mains vides.",
    "Parfois je me demande à quoi ça sert.",
    "On m’appelle encore pour l’argent du voyage. Ils savent où j’habite.",
    "Je n’ai personne à qui parler, à part vous.",
]
LAST_WORDS = [
    "Merci pour tout. Passez quand vous voulez, la porte est ouverte.",
    "Je vais continuer. Si vous avez d’autres qui rentrent, envoyez-les me voir, je leur montrerai.",
    "Le plus dur c’était les trois premiers mois. Après, ça va.",
    "J’ai trois personnes qui travaillent avec moi maintenant.",
]

# Le plan.
PLAN = {
    "objectives": "Je veux vivre de mon métier, ici, avec ma famille. Dans un an je veux payer le loyer moi-même.",
    "partners": "La chambre des métiers",
    "training": "Tenir une caisse, deux jours",
    "risks": "La saison des pluies ; les clients qui achètent à crédit",
}
PLAN_STEPS = (
    ("Apporter trois devis", "returnee", 7),
    ("Visiter le local ensemble", "both", 14),
    ("Commencer la formation", "returnee", 21),
    ("Ouvrir", "returnee", 45),
)
PLAN_LINES = (
    ("Matériel pour commencer", "micro_project", 55),
    ("Tenir une caisse", "training", 8),
    ("Trois mois de loyer", "housing", 20),
)
"""Shares of the allocation, in hundredths."""

# Les notes de l’agent.
FIRST_NOTES = [
    "Bien arrivé{e}, logé{e} dans la famille à {place}. Rendez-vous donné pour le plan.",
    "Joint{e} du premier coup. Demande surtout quand le plan commence.",
    "Famille contente de l’accueil. Pas de besoin urgent signalé.",
    "Fatigué{e} du voyage. Le rappeler avant le rendez-vous au bureau.",
    "{Il} n’a pas de téléphone à {lui} : passer par la personne de contact.",
    "Explication donnée sur les étapes et sur la carte avec le code.",
]
PLAN_NOTES = [
    "Objectif clair : {sector}. Expérience réelle, parle bien de ses clients d’avant.",
    "Trois devis comparés, le moins cher n’a pas le matériel en stock.",
    "Plan discuté en présence de la famille. Accord sur deux achats et le loyer.",
    "{Il} hésite entre deux projets. Orientation : commencer par celui qui demande le moins de stock.",
    "Le local visité est sain, bien placé, électricité partagée avec le voisin.",
    "Formation courte conseillée avant l’achat du matériel.",
    "Plan signé. Les pro-formas sont au dossier.",
]
START_NOTES = [
    "Matériel livré et contrôlé : conforme au bon de commande.",
    "Livraison partielle, le fournisseur s’engage pour la fin de semaine. À vérifier.",
    "Installation en cours, local propre, enseigne commandée.",
    "Première recette notée dans le cahier. Montrer comment séparer la caisse et la maison.",
    "Procès-verbal de remise signé, photos prises.",
]
RUNNING_NOTES = [
    "Activité régulière, cahier de caisse tenu chaque jour.",
    "Recette stable depuis deux mois, un apprenti présent.",
    "Bonne relation avec le voisinage, clientèle fidèle.",
    "Stock bien renouvelé. Conseil donné sur l’épargne.",
    "Les enfants vont à l’école, le loyer est à jour.",
    "Exemple à montrer à d’autres retournés, {il} est d’accord.",
]
DIFFICULT_NOTES = [
    "Ventes en baisse. Revoir l’emplacement et les prix avec {lui}.",
    "Crédits non remboursés par les clients : règle affichée dans la boutique désormais.",
    "Panne réparée à ses frais. Prévoir un entretien mensuel.",
    "Pression de la famille sur la caisse. Proposer une rencontre avec l’oncle.",
    "Loyer en retard d’un mois, négociation en cours avec le propriétaire.",
]
HEAVY_NOTES = [
    "Visage fermé, peu de paroles. Proposé de voir la conseillère : d’accord.",
    "Reste enfermé{e} depuis deux semaines selon la famille. Passage prévu rapidement.",
    "Parle de dettes du voyage. Orienté{e} vers le service d’aide juridique.",
    "Amaigri{e}, dort mal. À revoir cette semaine sans faute.",
]
LAST_NOTES = [
    "Activité solide. Clôture convenue ensemble, dossier complet.",
    "Dernière visite : tous les objectifs du plan sont atteints.",
]

AGREED = {
    "first": [
        "Venir au bureau avec la pièce d’identité",
        "Réfléchir à l’activité et demander deux prix",
        "Rappeler après l’installation dans la famille",
    ],
    "plan": [
        "Apporter trois devis",
        "Visiter le local avec le propriétaire",
        "Signer le plan au bureau",
        "Commencer la formation",
    ],
    "start": [
        "Vérifier la livraison du reste du matériel",
        "Poser l’enseigne",
        "Tenir le cahier de caisse tous les jours",
    ],
    "running": [
        "Mettre de côté chaque semaine",
        "Montrer le cahier de caisse à la prochaine visite",
        "Chercher un deuxième fournisseur",
    ],
    "difficult": [
        "Ne plus vendre à crédit pendant un mois",
        "Parler au propriétaire du loyer",
        "Essayer le marché du dimanche",
    ],
    "heavy": ["Rencontrer la conseillère", "Se revoir cette semaine", "Appeler dès que ça ne va pas"],
}

PRESENT = [
    "",
    "",
    "",
    "Sa mère",
    "Sa sœur",
    "Son frère aîné",
    "Son oncle",
    "Une voisine",
    "Ses deux enfants",
    "Son associé",
    "Son apprenti",
    "Le propriétaire du local",
]

PHOTOS: dict[str, list[tuple[str, str, str]]] = {
    "tailoring": [
        ("sewing", "goods", "La machine à coudre, branchée et essayée"),
        ("shop", "premises", "L’atelier vu de la rue"),
        ("stall", "goods", "Les tissus au marché"),
    ],
    "retail": [
        ("shop", "premises", "La boutique, devanture repeinte"),
        ("sacks", "goods", "Le stock de riz et d’oignons"),
        ("stall", "premises", "L’étal du matin"),
    ],
    "food": [
        ("stall", "premises", "L’étal près de la gare routière"),
        ("sacks", "goods", "La farine et le riz livrés"),
        ("shop", "premises", "La petite salle, cinq tables"),
    ],
    "agriculture": [
        ("sacks", "goods", "Les semences et l’engrais livrés"),
        ("tools", "goods", "Les outils achetés"),
        ("stall", "goods", "La récolte au marché"),
    ],
    "livestock": [
        ("sacks", "goods", "L’aliment pour la volaille"),
        ("tools", "goods", "Le matériel du poulailler"),
    ],
    "fishery": [
        ("stall", "premises", "L’étal au débarcadère"),
        ("tools", "goods", "La caisse isotherme et les outils"),
    ],
    "hairdressing": [
        ("salon", "premises", "Le fauteuil et le miroir installés"),
        ("shop", "premises", "Le salon vu de la rue"),
    ],
    "phone_repair": [
        ("workbench", "goods", "L’établi et le poste à souder"),
        ("shop", "premises", "Le kiosque ouvert"),
    ],
    "mechanics": [
        ("tools", "goods", "La caisse à outils complète"),
        ("shop", "premises", "L’entrée du garage"),
    ],
    "metalwork": [("tools", "goods", "Le poste à souder et les outils"), ("shop", "premises", "L’atelier")],
    "transport": [("tools", "goods", "L’outillage et les pièces"), ("receipt", "document", "La carte grise")],
    "construction": [("tools", "goods", "Les outils du chantier"), ("sacks", "goods", "Le ciment livré")],
}
RECEIPT = ("receipt", "document", "Le reçu du fournisseur")

PURCHASES: dict[str, list[tuple[str, str, int]]] = {
    "tailoring": [
        ("Deux machines à coudre", "equipment", 38),
        ("Tissus et fournitures", "equipment", 17),
        ("Loyer de l’atelier, six mois", "housing", 20),
    ],
    "retail": [
        ("Premier stock : riz, huile, oignons", "micro_business", 45),
        ("Étagères et balance", "equipment", 12),
        ("Loyer de la boutique, six mois", "housing", 20),
    ],
    "food": [
        ("Foyers, marmites et tables", "equipment", 34),
        ("Premier stock de vivres", "micro_business", 24),
        ("Loyer du local, six mois", "housing", 18),
    ],
    "agriculture": [
        ("Semences, engrais et arrosoirs", "micro_business", 36),
        ("Motopompe", "equipment", 30),
        ("Location de la parcelle", "housing", 12),
    ],
    "livestock": [
        ("Deux cents poussins et aliment", "micro_business", 42),
        ("Construction du poulailler", "equipment", 26),
        ("Vaccins et vétérinaire", "medical", 7),
    ],
    "fishery": [
        ("Congélateur et caisses isothermes", "equipment", 44),
        ("Premier achat de poisson", "micro_business", 20),
        ("Place au marché, un an", "housing", 10),
    ],
    "hairdressing": [
        ("Fauteuils, miroirs et tondeuses", "equipment", 40),
        ("Produits de coiffure", "micro_business", 14),
        ("Loyer du salon, six mois", "housing", 20),
    ],
    "phone_repair": [
        ("Poste à souder et outillage", "equipment", 30),
        ("Pièces et écrans", "micro_business", 26),
        ("Kiosque", "equipment", 20),
    ],
    "mechanics": [
        ("Caisse à outils et cric", "equipment", 40),
        ("Compresseur d’occasion", "equipment", 24),
        ("Loyer du garage, trois mois", "housing", 12),
    ],
    "metalwork": [
        ("Poste à souder et meuleuse", "equipment", 44),
        ("Fer et baguettes", "micro_business", 18),
        ("Formation, deux mois", "training", 12),
    ],
    "transport": [
        ("Moto tricycle, première part", "equipment", 60),
        ("Permis et carte grise", "legal", 10),
        ("Casques et entretien", "equipment", 6),
    ],
    "construction": [
        ("Outils de maçonnerie", "equipment", 34),
        ("Brouette et échafaudage", "equipment", 22),
        ("Formation, deux mois", "training", 14),
    ],
}
FLAG_HELP = {
    "no_shelter": "Un hébergement pour ce soir, avec un enfant de quatre ans",
    "trafficking": "Mise à l’abri et conseil juridique : menaces au téléphone depuis dimanche",
    "illness": "Traitement arrêté depuis dix jours, consultation au CHU",
    "self_harm": "Voir la conseillère aujourd’hui même, la famille reste à côté",
}
