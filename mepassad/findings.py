"""What `mepassad doctor` says of one thing: how it is, why, and the command that mends it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

State = Literal["ok", "warning", "bad", "unknown"]

Edit = Callable[[str], str]
"""The command that opens the configuration, with what is to be written there behind it, as a comment of the shell."""

PATIENCE = 3.0
"""Seconds that a node has to answer a call, and another one a connection."""

LINE = "/ip4/203.0.113.7/tcp/4001/p2p/12D3KooW…"
"""Stands for what a server prints at its start."""


class Finding(msgspec.Struct, frozen=True):
    """What was looked at, how it is, why, and the command that mends it."""

    about: str
    state: State
    why: str
    mend: str = ""


def editing(path: Path | None) -> Edit:
    """The command for a configuration file; without one, that which begins one first."""
    begin = "" if path else "mepassad --config config.yaml init --profile home && "
    return lambda what: f"{begin}${{EDITOR:-vi}} {shlex.quote(str(path or 'config.yaml'))}  # {what}"


def typed_into(path: Path, what: str) -> str:
    """The command that writes what is typed into a file 0600; `what` stands behind it, as a comment of the shell."""
    return f"install -m 600 /dev/stdin {shlex.quote(str(path))}  # {what}"
