"""Errors of mailboxes at other nodes: 2200 to 2299."""

from __future__ import annotations

from mepassad.errors.base import MepassaError


class MailboxRefused(MepassaError):
    """The mailbox node refused this."""

    code = 2200


class MailboxClosed(MailboxRefused):
    """No such mailbox is open at this node."""

    code = 2201


class MailboxFull(MailboxRefused):
    """The mailbox is full; nothing new is kept until its owner has fetched what waits there."""

    code = 2202


class MailboxNotAdmitted(MailboxRefused):
    """This mailbox node serves only nodes that it knows, or that show its pass."""

    code = 2203


class MailboxTooLarge(MailboxRefused):
    """This is larger than the mailbox node takes."""

    code = 2204


class MailboxBusy(MailboxRefused):
    """The mailbox node cannot take this now; it is tried again."""

    code = 2205
