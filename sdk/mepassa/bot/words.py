"""What a bot says by itself, in the languages it speaks."""

from __future__ import annotations

from mepassa.bot.errors import InvalidBot

_PORTUGUESE = {
    "Commands:": "Comandos:",
    "shows this list": "mostra esta lista",
    "Usage: {usage}": "Uso: {usage}",
    "{argument} is missing.": "Falta {argument}.",
    "“{word}” is too much.": "“{word}” está sobrando.",
    "{argument} is a whole number; “{word}” is not.": "{argument} é um número inteiro; “{word}” não é.",
    "{argument} is a number; “{word}” is not.": "{argument} é um número; “{word}” não é.",
    "{argument} is yes or no; “{word}” is neither.": "{argument} é sim ou não; “{word}” não é nenhum dos dois.",
}

LANGUAGES = {"en": dict[str, str](), "pt-BR": _PORTUGUESE}


class Words:
    """The sentences of one language."""

    def __init__(self, language: str) -> None:
        """`language`: one of `LANGUAGES`. Raises `InvalidBot`."""
        if language not in LANGUAGES:
            raise InvalidBot(f"A bot speaks one of {', '.join(LANGUAGES)}, not {language!r}.")
        self.language = language
        self._sentences = LANGUAGES[language]

    def __call__(self, sentence: str, **facts: str) -> str:
        """The sentence in this language, with its facts filled in."""
        return self._sentences.get(sentence, sentence).format(**facts)
