"""What a bot says by itself, in the language that its author chose: from the gettext catalogues."""

from __future__ import annotations

import gettext

from mepassa.bot.errors import InvalidBot
from mepassa.locale import DOMAIN, LOCALE

ENGLISH = "en"


def languages() -> list[str]:
    """Those that a bot can speak: English, and those of the catalogues."""
    return [ENGLISH, *sorted(path.parents[1].name.replace("_", "-") for path in LOCALE.glob(f"*/*/{DOMAIN}.mo"))]


class Words:
    """The sentences of one language. An instance is called `_`, so that its sentences are found for the catalogues."""

    def __init__(self, language: str) -> None:
        """Raises `InvalidBot` for one that a bot cannot speak."""
        if language not in languages():
            raise InvalidBot(f"A bot speaks one of {', '.join(languages())}, not {language!r}.")
        self.language = language
        self._catalogue = gettext.translation(DOMAIN, LOCALE, [language.replace("-", "_")], fallback=True)

    def __call__(self, sentence: str, **facts: str) -> str:
        """The sentence in this language, with its facts filled in."""
        return self._catalogue.gettext(sentence).format(**facts)
