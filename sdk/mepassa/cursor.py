"""Where a bot got to in the node's events, in a small private file."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from mepassa.errors import StateUnreadable


class _Position(msgspec.Struct):
    account: str
    seq: int


def default_state(bot: str) -> Path:
    """`mepassa/<bot>.json` in the user's state folder (XDG)."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state, "mepassa", f"{bot}.json")


class CursorFile:
    """The number of the last event that was dealt with, for one account; the file is 0600 in a 0700 folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self, account: str) -> int | None:
        """The number kept for `account`, None when there is none. Raises `StateUnreadable`."""
        try:
            position = msgspec.json.decode(self.path.read_bytes(), type=_Position)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            raise StateUnreadable(f"The state file {self.path} cannot be read; remove it to begin anew.") from None
        return position.seq if position.account == account else None

    def save(self, account: str, seq: int) -> None:
        """Replace what is kept, as a whole."""
        # Not synced to disk: a number that falls behind in a power cut repeats answers, and the node knows those.
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self.path.with_name(f"{self.path.name}.new")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(_Position(account, seq)))
        fresh.replace(self.path)
