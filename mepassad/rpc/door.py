"""The ways in: the owner's socket, that of other users' programs, and the bots that live inside the daemon."""

from __future__ import annotations

import msgspec

from mepassad.config.model import Rpc
from mepassad.rpc.authority import OWNER, STRANGER, Authority

HELLO_LINE = 4096
"""Bytes of a line while a token is still to be shown."""


class Door(msgspec.Struct, frozen=True):
    """`authority`: what its sessions may do at first; `most`: how many there may be; `same_user`: whether whoever comes
    in must be the user of the node; `max_line`: bytes of a request at first. Equal ones are one door."""

    authority: Authority
    most: int
    same_user: bool
    max_line: int

    @property
    def demands_token(self) -> bool:
        """Whether a token must be shown before anything else."""
        return self.authority is STRANGER


def of_owner(config: Rpc) -> Door:
    """The socket that only the user of the node can open."""
    return Door(OWNER, config.max_sessions, True, config.max_line)


def of_bots(config: Rpc) -> Door:
    """The socket for programs of other users."""
    return Door(STRANGER, config.max_bot_sessions, False, HELLO_LINE)


def of_one(authority: Authority, config: Rpc) -> Door:
    """No socket: a program inside the daemon, which was given its authority."""
    return Door(authority, config.max_bot_sessions, False, config.max_line)
