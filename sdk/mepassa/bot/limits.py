"""What a bot allows itself."""

from __future__ import annotations

from dataclasses import dataclass

from mepassa.bot.errors import InvalidBot

TIMEOUT = 60.0
"""Seconds that a handler may take."""

STOP_TIMEOUT = 10.0
"""Seconds that handlers at work get when the bot is to stop."""

MAX_ANSWERS = 20
"""Answers to one message."""

ANSWERS_PER_MINUTE = 30
"""Answers to one contact."""

MOST_ANSWERS = 100
"""What `max_answers` may be at most: the node takes no more in one step."""

MAX_CONCURRENT = 64
"""Conversations in which a handler is at work at the same time."""

_SECONDS = {"timeout", "stop_timeout"}


@dataclass(frozen=True)
class Limits:
    """The limits of one bot. `answers_per_minute` None: as many as there are."""

    timeout: float = TIMEOUT
    stop_timeout: float = STOP_TIMEOUT
    max_answers: int = MAX_ANSWERS
    answers_per_minute: int | None = ANSWERS_PER_MINUTE
    max_concurrent: int = MAX_CONCURRENT

    def __post_init__(self) -> None:
        """Raises `InvalidBot` for what would let the bot do nothing."""
        for name, value in vars(self).items():
            if value is None and name == "answers_per_minute":
                continue
            if not isinstance(value, (int, float) if name in _SECONDS else int) or not value > 0:
                raise InvalidBot(f"`{name}` of a bot is a number more than 0, not {value!r}.")
        if self.max_answers > MOST_ANSWERS:
            raise InvalidBot(f"`max_answers` of a bot is at most {MOST_ANSWERS}, not {self.max_answers}.")
