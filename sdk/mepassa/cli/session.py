"""What all sub-commands share: the node they speak to, the account they act for, and how failures end."""

from __future__ import annotations

import functools
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Concatenate, ParamSpec

import anyio
import click

from mepassa.cli.files import read_secret
from mepassa.cli.i18n import _
from mepassa.cli.words import complaint
from mepassa.client import Client
from mepassa.connection import default_socket
from mepassa.errors import (
    CallTooLarge,
    ConnectionLost,
    InvalidCall,
    NodeNotRunning,
    NodeSilent,
    ProtocolError,
    RpcError,
)

P = ParamSpec("P")

INTERRUPTED = 130  # exit code after Ctrl-C: 128 and the number of SIGINT, as shells have it


class Refused(click.ClickException):
    """The node said no, nobody is called so, or a message failed: exit code 1."""

    exit_code = 1


class NoNode(click.ClickException):
    """No node answers, or it stopped in the middle: exit code 3."""

    exit_code = 3


class Session:
    """The options of the group, and the client once a sub-command runs."""

    client: Client

    def __init__(self, socket: str | None, account: str | None, token_file: Path | None) -> None:
        """`token_file`: holds a token to present; it is read when a sub-command runs."""
        self.socket = Path(socket) if socket else default_socket()
        self.account = account
        self._token_file = token_file

    @property
    def has_token(self) -> bool:
        """Whether a token is presented."""
        return self._token_file is not None

    def open(self) -> Client:
        """A client to enter. Raises click.UsageError where the token cannot be read."""
        token = None if self._token_file is None else read_secret(self._token_file)
        return Client(self.socket, token=token)

    def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run a sub-command's work with a client. Raises `Refused`, `NoNode`, click's errors; Ctrl-C is quiet."""
        client = self.open()
        try:
            anyio.run(self._run, client, work)
        except BaseException as error:  # also KeyboardInterrupt, and what task groups wrap
            raise self._ending(_first(error)) from None

    async def _run(self, client: Client, work: Callable[[], Awaitable[None]]) -> None:
        async with client as self.client:
            await work()

    def _ending(self, error: BaseException) -> BaseException:
        """How a failure is told, and with which exit code."""
        match error:
            case RpcError():
                return Refused(complaint(error))
            case NodeSilent():
                return NoNode(_("The node runs and does not answer; `mepassad --config config.yaml doctor` says why."))
            case NodeNotRunning():
                return NoNode(self._nobody())
            case ProtocolError():
                return NoNode(_("What answers on the socket does not speak mepassad's protocol."))
            case ConnectionLost():
                return NoNode(_("The connection to the node ended."))
            case CallTooLarge() | InvalidCall():
                return click.UsageError(complaint(error))
            case UnicodeError():
                return click.UsageError(_("What you typed is not valid UTF-8."))
            case KeyboardInterrupt():
                return click.exceptions.Exit(INTERRUPTED)
        return error

    def _nobody(self) -> str:
        if self.socket.exists() and not os.access(self.socket, os.R_OK | os.W_OK):
            told = _("The socket {socket} belongs to another user; you may not open it.")
        else:
            told = _(
                "No mepassad answers on {socket}. Start one with `mepassad --config config.yaml`, "
                "or name its socket with `--socket` or MEPASSAD_SOCKET."
            )
        return told.format(socket=self.socket)


def over_socket(work: Callable[Concatenate[Session, P], Awaitable[None]]) -> Callable[P, None]:
    """Turn an async function of a `Session` and its arguments into the body of a click command."""

    @functools.wraps(work)
    def body(*args: P.args, **kwargs: P.kwargs) -> None:
        session = click.get_current_context().find_object(Session)
        if session is None:
            raise RuntimeError("a sub-command runs under the group `main`")
        session.run(lambda: work(session, *args, **kwargs))

    return body


async def warn_when_unreachable(session: Session, *, dials: bool = False) -> None:
    """Say on standard error that others cannot reach the node, and what to do, because an invite alone connects nobody.

    `dials`: this node reaches for the other one, so it needs a transport, but no address of its own.
    """
    if (await session.client.identity.show(account=session.account)).addresses:
        return
    stats = await session.client.system.stats()
    mailboxes = stats.get("mailboxes", {}).get("nodes", {}).values()
    if not stats.get("transports"):
        told = _(
            "This node is local-only: it has no address at which others could reach it. "
            "Name a transport under `plugins` in its configuration, and an address to listen on."
        )
    elif dials or any(one["connected"] for one in mailboxes):
        return
    elif mailboxes:
        told = _(
            "None of this node's mailboxes serves it now, so nobody can reach it until one does; `mepassa status` says "
            "why. What you have made is good then."
        )
    else:
        told = _(
            "This node listens on no address, has no mailbox, and no relay lends it a place, so nobody can reach it. "
            "Name an address or a mailbox in its configuration, or accept the other's invite instead."
        )
    click.echo(told, err=True)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
