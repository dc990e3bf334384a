"""Errors about contacts and invites: 1100 to 1199."""

from __future__ import annotations

from mepassad.errors.base import MepassaError


class UnknownContact(MepassaError):
    """There is no such contact; `contacts.list` shows those you have."""

    code = 1100


class ContactBlocked(MepassaError):
    """This contact is blocked; unblock it first with `contacts.block {blocked: false}`."""

    code = 1101


class InviteMalformed(MepassaError):
    """This is no invite or code of mepassa, or part of it was lost when it was copied; ask for it again."""

    code = 1110


class InviteExpired(MepassaError):
    """This invite or code has expired; ask for a new one."""

    code = 1111


class InviteUsed(MepassaError):
    """This invite or code was used already, perhaps by somebody else: tell who made it, and ask for a new one."""

    code = 1112


class InviteOwn(MepassaError):
    """This invite or code is your own; give it to somebody else."""

    code = 1113


class InviteUnknown(MepassaError):
    """The other side does not know this invite or code: it was altered, or withdrawn; ask for a new one."""

    code = 1114


class AlreadyContact(MepassaError):
    """You already have this contact."""

    code = 1115


class InviteVersion(MepassaError):
    """This invite or code needs a newer version of mepassad."""

    code = 1116


class ContactRefused(MepassaError):
    """This contact's invite or code was refused; accept a new one."""

    code = 1117


class NumbersDiffer(MepassaError):
    """The numbers differ: a digit was misread, or somebody stands between you; compare again before you trust them."""

    code = 1118


class CodeOfAnother(MepassaError):
    """This code is not this contact's: somebody else writes to you under that name; accept it to reach its owner."""

    code = 1119


class NotACode(MepassaError):
    """This is a link, and a link verifies nobody; let them show you a code in person, or compare safety numbers."""

    code = 1120
