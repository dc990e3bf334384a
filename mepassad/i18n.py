"""The user's language: gettext catalogues, chosen by the usual variables LANGUAGE, LC_ALL, LC_MESSAGES, LANG."""

from __future__ import annotations

import gettext
from pathlib import Path

DOMAIN = "mepassad"
LOCALE = Path(__file__).parent / "locale"


def _(sentence: str) -> str:
    """The sentence in the user's language; sentences without a translation stay in English."""
    return gettext.translation(DOMAIN, LOCALE, fallback=True).gettext(sentence)
