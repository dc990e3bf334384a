"""One client's session: takes up its lines and runs its calls, a bounded number at a time."""

from __future__ import annotations

import asyncio
import os
import secrets
import traceback
from collections import deque
from collections.abc import Collection, Coroutine
from typing import Any, Protocol

import msgspec

from mepassad.api.context import Log
from mepassad.api.methods import Params
from mepassad.config.model import Rpc
from mepassad.errors import InternalError, InvalidRequest, MepassaError, NotPermitted, TokenRefused, TooManySessions
from mepassad.rpc.authority import STRANGER, Authority
from mepassad.rpc.door import Door
from mepassad.rpc.node import Node
from mepassad.rpc.protocol import Id, LineReader, Request, error_line, find_id, parse_request, result_line
from mepassad.rpc.queues import Queues
from mepassad.rpc.registry import Method, Registry
from mepassad.rpc.socket_file import peer_uid
from mepassad.rpc.subscriptions import Subscriptions
from mepassad.rpc.writer import Writer


class Host(Protocol):
    """What all sessions of a server share."""

    node: Node
    registry: Registry
    config: Rpc
    log: Log
    tasks: asyncio.TaskGroup
    sessions: set[Session]
    stopping: bool
    queues: Queues

    def has_place(self, newcomer: Session) -> bool:
        """Whether a session that has begun may stay."""
        ...

    def leave(self, session: Session) -> None:
        """The session is over, and so are its calls."""
        ...


class Session(asyncio.Protocol):
    """A connection on the loop's own callbacks: no task of its own, one task a call, one write a turn of the loop."""

    def __init__(self, host: Host, door: Door) -> None:
        """Not yet connected. `door`: by which way it comes in."""
        self._host = host
        self.door = door
        self.authority = door.authority
        self._max_line = door.max_line
        self.user: int | None = None  # who is at the other end, where the system says so
        self._patience: asyncio.TimerHandle | None = None  # runs out unless a token is shown
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._reader = LineReader(door.max_line)
        self._writer = Writer(host.config.write_timeout, self._turn_soon, host.queues.unwritten)
        self._lines: deque[bytes] = deque()
        self.calls = 0
        self._held = False  # reading is paused until there is a turn to take
        self._turn_due = False
        self._eof = False
        self._ending = False  # nothing is taken up any more
        self._lost = False
        self.subscriptions = Subscriptions(host.node.bus, self._writer, self._spawn, host.config, host.queues.behind)

    @property
    def methods(self) -> list[str]:
        """The names of all methods."""
        return self._host.registry.names

    @property
    def max_line(self) -> int:
        """Bytes that a reply may have."""
        return self._host.config.max_line

    @property
    def unwritten(self) -> int:
        """Bytes that the client has not taken."""
        return self._writer.unwritten

    @property
    def deadline(self) -> float | None:
        """When it is dropped, in seconds of the loop's clock, unless it shows a token; None where it owes none."""
        return self._patience.when() if self._patience is not None else None

    @property
    def sent_away(self) -> bool:
        """Whether it never showed the token that it owed, and is about to close."""
        return self._ending and self.authority is STRANGER

    def behind(self) -> Collection[int]:
        """Facts that wait, for each subscription."""
        return self.subscriptions.behind()

    # -- connection ---------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected: it must be the same user, and there must be a place for it."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - narrows the type for a stream server
        self._transport = transport
        self._writer.open(transport)
        self._host.sessions.add(self)
        self.user = peer_uid(transport.get_extra_info("socket"))
        if self._host.stopping or (self.door.same_user and self.user not in (None, os.geteuid())):
            self.abort()
        elif not self._host.has_place(self):
            self._writer.write(error_line(None, TooManySessions(limit=self.door.most)))
            self.finish()
        elif self.door.demands_token:
            self._patience = self._loop.call_later(self._host.config.hello_timeout, self.abort)

    def present(self, shown: str) -> None:
        """A token is shown: from now on only what it allows. Raises `TokenRefused`, `NotPermitted`."""
        if self.authority.token:
            raise NotPermitted("This session has shown a token already; open another one.")
        token = self._host.node.tokens.check(shown)
        self.authority = Authority(token.scopes, token.account, token.id)
        self._max_line = self._host.config.max_line
        self._reader.allow(self._max_line)
        self._stop_waiting()

    def revoke(self) -> None:
        """The token that was shown is good no more: what was begun is still answered."""
        self._writer.write(error_line(None, TokenRefused()))
        self.finish()

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def eof_received(self) -> bool:
        """The client will send no more: what it asked is still answered."""
        self._eof = self._held = True
        self._turn_soon()
        return True

    def finish(self) -> None:
        """Take up nothing more; close when what was begun is answered and written."""
        self._ending = True
        self._lines.clear()
        self._transport.pause_reading()
        self.subscriptions.close_all()
        self._close_when_done()

    def _close_when_done(self) -> None:
        if self._ending and not self.calls:
            self._writer.close()
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._ending = True
        self._stop_waiting()
        self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """The client is gone; calls that were begun end by themselves."""
        self._lost = self._ending = True
        self._stop_waiting()
        self._lines.clear()
        self.subscriptions.close_all()
        self._writer.lost()
        self._leave()

    def _leave(self) -> None:
        if self._lost and not self.calls:
            self._host.leave(self)

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self._writer.pause()

    def resume_writing(self) -> None:
        """The client read."""
        self._writer.resume()

    # -- lines --------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Bytes of the client."""
        if not self._ending:
            self._lines.extend(self._reader.feed(data))
            self._take_turn()

    def _take_turn(self) -> None:
        """Take up lines as far as calls in flight and room to answer allow; read on when none wait."""
        self._turn_due = False
        while self._lines and self._free:
            self._take(self._lines.popleft())
        if self._ending:
            return
        self._held = not self._free
        if self._held:
            self._transport.pause_reading()
        elif self._reader.overflowed:
            limit = self._max_line
            self._writer.write(error_line(None, InvalidRequest(f"A line has at most {limit} bytes.", limit=limit)))
            self.finish()
        elif self._eof:
            self.finish()
        else:
            self._transport.resume_reading()

    def _turn_soon(self) -> None:
        if self._held and self._free and not self._turn_due and not self._ending:
            self._turn_due = True
            self._loop.call_soon(self._take_turn)

    @property
    def _free(self) -> bool:
        return self.calls < self._host.config.max_calls and self._writer.room

    def _take(self, line: bytes) -> None:
        try:
            request = parse_request(line, self._host.config.max_depth)
        except MepassaError as error:
            self._writer.write(error_line(find_id(line), error))
            return
        try:
            method = self._host.registry.find(request.method)
            params = method.parse(request.params)
        except MepassaError as error:
            self._reply(request, error_line(_reply_id(request), error))
            return
        self.calls += 1
        self._host.queues.calls.note(self.calls)
        self._host.tasks.create_task(self._run(request, method, params))

    # -- calls --------------------------------------------------------------------------------------------------

    async def _run(self, request: Request, method: Method, params: Params) -> None:
        try:
            self._reply(request, await self._call(_reply_id(request), method, params))
        finally:
            self.calls -= 1
            self._turn_soon()
            self._close_when_done()
            self._leave()

    async def _call(self, id: Id, method: Method, params: Params) -> bytes:
        try:
            # Asked now, not when the line came: a hello before it may have changed the answer.
            self._demand(method)
            line = result_line(id, await method.call(self._host.node, self, params))
        except TokenRefused as error:
            self.finish()  # one try a session
            return error_line(id, error)
        except MepassaError as error:
            return error_line(id, error)
        except Exception as error:
            return error_line(id, self._incident(error, method.name))
        if len(line) > self.max_line + 1:
            return error_line(id, self._incident(OverflowError(), method.name))
        return line

    def _demand(self, method: Method) -> None:
        if self.authority.token and not self._host.node.tokens.good(self.authority.token):
            raise TokenRefused
        self.authority.demand(method)

    def _reply(self, request: Request, line: bytes) -> None:
        if request.id is not msgspec.UNSET:
            self._writer.write(line)

    def _incident(self, error: Exception, where: str) -> InternalError:
        """Log where it happened, but not the exception's text: that may hold what the user wrote."""
        incident = secrets.token_hex(4)
        frames = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
        self._host.log.error(
            "a call failed inside the node", incident=incident, where=where, error=type(error).__name__, frames=frames
        )
        return InternalError(incident=incident)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._host.tasks.create_task(self._guard(work))

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a subscription's work; if it fails the session ends, so that the client subscribes anew."""
        try:
            await work
        except Exception as error:
            self._incident(error, "events.subscribe")
            self.abort()


def _reply_id(request: Request) -> Id:
    return None if request.id is msgspec.UNSET else request.id
