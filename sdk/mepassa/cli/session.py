"""What all sub-commands share: the node they speak to, the account they act for, and how failures end."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, ParamSpec

import anyio
import click

from mepassa.client import Client
from mepassa.errors import CallTooLarge, ConnectionLost, InvalidCall, NodeNotRunning, RpcError

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

    def __init__(self, socket: str | None, account: str | None) -> None:
        self.socket = socket
        self.account = account

    async def call(self, method: str, /, **params: Any) -> dict[str, Any]:
        """Call a method for the chosen account."""
        return await self.client.call(method, **{"account": self.account, **params})

    def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run a sub-command's work with a client. Raises `Refused`, `NoNode`, click.UsageError; Ctrl-C is quiet."""
        try:
            anyio.run(self._run, work)
        except RpcError as error:
            raise Refused(f"{error.message} ({error.name})") from None
        except (NodeNotRunning, ConnectionLost) as error:
            raise NoNode(str(error)) from None
        except (CallTooLarge, InvalidCall) as error:
            raise click.UsageError(str(error)) from None
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None

    async def _run(self, work: Callable[[], Awaitable[None]]) -> None:
        async with Client(self.socket) as self.client:
            await work()


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
    if (await session.call("identity.show")).get("addresses"):
        return
    if not (await session.call("system.stats")).get("transports"):
        click.echo(
            "This node is local-only: it has no address at which others could reach it. "
            "Name a transport under `plugins` in its configuration, and an address to listen on.",
            err=True,
        )
    elif not dials:
        click.echo(
            "This node listens on no address, so nobody can reach it. Name one in its configuration, or "
            "accept the other's invite instead.",
            err=True,
        )
