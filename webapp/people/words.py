"""Passphrases that people can remember: five words drawn from a list in their language."""

import secrets
from functools import cache
from pathlib import Path

from mnemonic import Mnemonic

LENGTH = {"fr": 5, "en": 5, "ar": 6}
"""Words in a proposal. The Arabic list is shorter, so its proposals have one word more."""
_OWN = Path(__file__).parent / "words_ar.txt"


@cache
def word_list(locale: str) -> list[str]:
    """The words proposals are drawn from."""
    if locale == "ar":
        return _OWN.read_text(encoding="utf-8").split()
    return list(Mnemonic({"fr": "french"}.get(locale, "english")).wordlist)


def propose(locale: str) -> list[str]:
    """Words for a new passphrase: 55 bits or more, never logged, never stored."""
    words = word_list(locale)
    return [secrets.choice(words) for _ in range(LENGTH.get(locale, 5))]
