"""Reading referral lists: from a workbook as a sending mission sends it to typed rows with everything that was doubted.

Pure: no database, no request. ``read_referral_list(file, filename)`` gives a ``ReferralList`` or raises ``UnreadableList``.
"""

from .doubts import FIELD_NAMES, NEED_NAMES, OUTCOME_NAMES, SECTOR_NAMES, SITUATION_NAMES, Doubt, Weight
from .rows import (
    Difference,
    Outcome,
    ReadRow,
    Repeat,
    differences,
    fingerprint,
    mark_repeats,
    perhaps_same_person,
    read_row,
)
from .vocabulary import RESTRICTED, Field, NeedCode, Sector, Situation
from .words import HouseholdSize, Need, Phone
from .workbook import Column, ReferralList, UnreadableList, UnreadLine, read_referral_list

__all__ = [
    "FIELD_NAMES",
    "NEED_NAMES",
    "OUTCOME_NAMES",
    "RESTRICTED",
    "SECTOR_NAMES",
    "SITUATION_NAMES",
    "Column",
    "Difference",
    "Doubt",
    "Field",
    "HouseholdSize",
    "Need",
    "NeedCode",
    "Outcome",
    "Phone",
    "ReadRow",
    "ReferralList",
    "Repeat",
    "Sector",
    "Situation",
    "UnreadLine",
    "UnreadableList",
    "Weight",
    "differences",
    "fingerprint",
    "mark_repeats",
    "perhaps_same_person",
    "read_referral_list",
    "read_row",
]
