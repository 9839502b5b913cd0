"""What an alert says. Never a name, a score, a feeling or a place: the case's page says those to who may read it."""

from typing import Any

from flask_babel import lazy_gettext as _l

from ..permissions import Role

TITLES: dict[str, Any] = {
    "serious_concern": _l("Une visite signale une inquiétude sérieuse"),
    "counsellor_needed": _l("Un entretien avec vous est demandé dans les trois jours"),
    "counsellor_today": _l("Un entretien avec vous est demandé aujourd’hui"),
    "step_asked": _l("Il y a une suite à donner"),
    "step_late": _l("Une suite attend depuis trop longtemps"),
    "red_flag": _l("Signal de danger : à traiter aujourd’hui"),
    "photo_refused": _l("Une photo n’a pas pu être gardée"),
    "submission_needs_attention": _l("Un envoi est à corriger"),
    "submission_contested": _l("Un envoi est arrivé en deux versions différentes"),
    "submission_quarantined": _l("Un envoi a été mis de côté : à vérifier"),
    "returnee_not_received": _l("Une aide notée comme remise n’a pas été reçue"),
    "returnee_call_me_back": _l("Une personne demande à être rappelée"),
    "case_arrived": _l("Une personne que vous suivez est arrivée"),
    "case_assigned": _l("Un cas vous est confié"),
    "contact_lost": _l("Une personne ne peut plus être jointe"),
    "referral_waiting": _l("Un référencement attend une réponse depuis trop longtemps"),
    "referral_waiting_long": _l("Un référencement attend une réponse depuis deux fois trop longtemps"),
    "restricted_referral_waiting_long": _l(
        "Un référencement attend une réponse depuis deux fois trop longtemps"
    ),
    "transfer_to_decide": _l("Un autre bureau vous transfère un cas"),
    "transfer_accepted": _l("Un cas transféré est accepté"),
    "transfer_sent_back": _l("Un cas transféré vous est renvoyé"),
    "closure_to_sign": _l("Une clôture attend une deuxième personne"),
    "closure_sent_back": _l("Une clôture vous est renvoyée"),
    "case_closed": _l("Un cas que vous suivez est clos"),
    "case_reopened": _l("Un cas que vous suivez est rouvert"),
    "work_after_closure": _l("Un travail est arrivé pour un cas clos"),
    "return_informed": _l("Une arrivée est annoncée"),
    "return_interrupted": _l("Un retour est interrompu"),
    "interruption_to_decide": _l("Un retour est interrompu : décidez de ce qui était engagé"),
    "return_resumed": _l("Un retour reprend"),
    "plan_to_approve": _l("Un plan de réintégration attend votre décision"),
    "plan_sent_back": _l("Un plan de réintégration vous est renvoyé"),
    "returnee_received_partly": _l("Une aide n’a été reçue qu’en partie"),
    "payment_to_approve": _l("Une demande de paiement attend votre décision"),
    "payment_rejected": _l("Une demande de paiement est refusée"),
    "adjustment_to_decide": _l("Une correction d’allocation attend une seconde personne"),
    "rates_loaded": _l("Des taux de change ont été chargés"),
    "payment_over_ceiling": _l("Une demande dépasse ce qui reste de l’allocation"),
    "payment_failed": _l("Un paiement n’est pas arrivé"),
    "payment_waiting": _l("Une demande de paiement attend depuis trop longtemps"),
    "payment_undelivered": _l("Une commande n’est pas notée livrée depuis 30 jours"),
    "payment_unpaid": _l("Une facture attend d’être payée depuis 15 jours"),
    "allocation_expiring": _l("Une allocation prend bientôt fin, et il en reste"),
    "instalment_due": _l("Une tranche d’allocation est prévue"),
    "same_photo": _l("La même photo se trouve dans deux cas"),
    "provider_share": _l("Un seul fournisseur reçoit une grande part des paiements"),
}
TITLES_BY_ROLE: dict[tuple[str, Role], Any] = {
    ("red_flag", Role.PROGRAMME_MANAGER): _l("Un signal de danger est ouvert dans votre bureau"),
}
SENTENCES: dict[str, Any] = {
    "serious_concern": _l("Lisez la visite, puis parlez avec l’agent qui l’a faite."),
    "counsellor_needed": _l("Prenez contact dans les trois jours."),
    "counsellor_today": _l("Parlez avec la personne aujourd’hui, et notez que c’est fait."),
    "step_asked": _l("Ce qu’il y a à faire, et jusqu’à quand, est écrit dans le cas."),
    "step_late": _l("Faites-le, ou notez ce que la personne a répondu."),
    "red_flag": _l(
        "Appelez maintenant la personne qui a donné le signal, et notez aujourd’hui ce qui a été fait."
    ),
    "photo_refused": _l("La visite, elle, est bien enregistrée. La raison est écrite à côté de la photo."),
    "submission_needs_attention": _l(
        "Rien n’est perdu : ouvrez-le, corrigez ce qui est signalé et enregistrez."
    ),
    "submission_contested": _l(
        "Les deux versions sont gardées. Voyez laquelle est la bonne avec son auteur."
    ),
    "submission_quarantined": _l("Il est gardé, mais pas encore ajouté au dossier. Vérifiez d’où il vient."),
    "returnee_not_received": _l("Rappelez la personne et vérifiez la remise."),
    "returnee_call_me_back": _l("Rappelez-la dans les trois jours."),
    "case_arrived": _l("Le premier contact est à prévoir."),
    "case_assigned": _l("Le cas est dans votre liste et sur votre téléphone."),
    "contact_lost": _l("Voyez ensemble qui pourrait savoir où elle est, et jusqu’à quand la chercher."),
    "referral_waiting": _l("Rappelez le service, ou notez ce qu’il a répondu."),
    "referral_waiting_long": _l("Voyez avec qui l’a écrit s’il faut demander à un autre service."),
    "restricted_referral_waiting_long": _l(
        "Demandez à vos agents et au conseiller si un référencement attend encore, sans demander de qui il s’agit."
    ),
    "transfer_to_decide": _l("Acceptez-le en disant qui le suit, ou renvoyez-le en disant pourquoi."),
    "transfer_accepted": _l("Il est suivi par l’autre bureau à partir de maintenant."),
    "transfer_sent_back": _l("La raison est écrite avec le transfert. Le cas est resté chez vous."),
    "closure_to_sign": _l(
        "Regardez que rien n’est plus en cours, puis fermez le cas ou renvoyez la demande."
    ),
    "closure_sent_back": _l("La raison est écrite avec la demande."),
    "case_closed": _l("Il quitte votre téléphone. Ce qui n’est pas encore envoyé arrivera quand même."),
    "case_reopened": _l("Il est de nouveau dans votre liste et sur votre téléphone."),
    "work_after_closure": _l("Il est gardé dans le dossier. Lisez-le : faut-il rouvrir le cas ?"),
    "return_informed": _l("Regardez les arrivées et dites qui accueille la personne."),
    "return_interrupted": _l(
        "N’attendez plus la personne à l’aéroport. Elle en a le droit et peut reprendre plus tard."
    ),
    "interruption_to_decide": _l(
        "Des demandes ou une allocation sont en cours. Dites ce qu’elles deviennent."
    ),
    "return_resumed": _l("La préparation continue où elle s’était arrêtée."),
    "plan_to_approve": _l("Lisez-le, puis approuvez-le ou renvoyez-le en disant pourquoi."),
    "plan_sent_back": _l(
        "La raison est écrite avec le plan. Voyez-la avec la personne, et proposez une autre version."
    ),
    "returnee_received_partly": _l("Rappelez la personne et vérifiez ce qui manque."),
    "payment_to_approve": _l("Approuvez-la, ou refusez-la en disant pourquoi."),
    "payment_rejected": _l("La raison est écrite avec la demande. Dites-la à la personne."),
    "adjustment_to_decide": _l("Confirmez-la ou refusez-la : rien ne bouge avant."),
    "rates_loaded": _l("Regardez s’ils sont ceux du mois : tous les paiements s’en servent."),
    "payment_over_ceiling": _l("Rien n’est mis de côté. Voyez avec l’agent ce qui peut être fait."),
    "payment_failed": _l(
        "L’argent est de nouveau mis de côté. Vérifiez le numéro ou le compte avant de payer encore."
    ),
    "payment_waiting": _l("Approuvez-la, ou refusez-la en disant pourquoi."),
    "payment_undelivered": _l("Demandez au fournisseur, puis notez la livraison avec sa preuve."),
    "payment_unpaid": _l("Payez-la, ou dites au fournisseur quand elle le sera."),
    "allocation_expiring": _l("Ce qui n’est pas demandé avant la fin ne pourra plus l’être."),
    "instalment_due": _l("Vérifiez que sa condition est remplie, puis libérez-la."),
    "same_photo": _l("Comparez les deux cas : une preuve ne sert qu’une fois."),
    "provider_share": _l(
        "Plus de 40 % de ce que votre bureau a payé en 90 jours. Vérifiez comment il est choisi."
    ),
}
SENTENCES_BY_ROLE: dict[tuple[str, Role], Any] = {
    ("red_flag", Role.PROGRAMME_MANAGER): _l(
        "Vérifiez avec la personne qui a donné le signal, ou avec le conseiller, qu’une réponse est donnée aujourd’hui."
    ),
}

PUSHED_AT_ONCE = _l("Quelque chose demande votre attention maintenant. Ouvrez Suivi pour lire.")
PUSHED_TOGETHER = _l("Des points vous attendent. Ouvrez Suivi pour lire.")
PUSHED_AS_TEST = _l("Ceci est une alerte d’essai. Les alertes arrivent bien ici.")
"""What a locked screen shows: the same words for every rule, so that they give nothing away."""


def title(rule: str, role: Role) -> str:
    """The alert's title for a reader with this role."""
    return str(TITLES_BY_ROLE.get((rule, role)) or TITLES[rule])


def sentence(rule: str, role: Role) -> str:
    """What the reader is asked to do."""
    return str(SENTENCES_BY_ROLE.get((rule, role)) or SENTENCES.get(rule, ""))
