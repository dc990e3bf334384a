"""The client without async, for scripts and notebooks."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, suppress
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from mepassa import client
from mepassa.blocking import Events
from mepassa.connection import Connect
from mepassa.errors import ConnectionLost
from mepassa.generated.blocking import Nouns

T = TypeVar("T")

_UNWIND = 5.0  # seconds that a step has to end in once it was interrupted


class _NoThread(RuntimeError):
    """There is no thread to do it; as RuntimeError, which `start_blocking_portal` takes for an end."""


def _nobody(*step: object) -> None:
    raise _NoThread


class Client(Nouns):
    """The same as `mepassa.Client`, but what is awaited there waits here.

        with Client() as client:
            client.messages.send(contact=contact, text="Olá")
            for event in client.events(topics=["message.received"]):
                print(event.data.text)

    Where `with` is in the way, as in a notebook, the first call starts it and `close` ends it. It has a thread of its
    own, so it works where an event loop runs already, and several threads may use it at once; a forked process needs
    another client. Ctrl-C ends what is being waited for, and leaves the client and its events usable.
    """

    def __init__(
        self,
        socket: str | os.PathLike[str] | None = None,
        *,
        token: str | None = None,
        connect: Connect | None = None,
    ) -> None:
        """A client that is not yet connected; the parameters are those of `mepassa.Client`."""
        super().__init__(self._typed)
        self._inner = client.Client(socket, token=token, connect=connect)
        self._starting = threading.Lock()
        self._open = ExitStack()
        self._portal: BlockingPortal | None = None
        self._closed = False
        self._process = 0  # where its thread is

    def __enter__(self) -> Client:
        self._started()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End its connections and its thread."""
        with self._starting:
            self._closed = True
            portal, self._portal = self._portal, None
            atexit.unregister(self.close)
            if portal is not None and self._process != os.getpid():
                setattr(portal, "start_task_soon", _nobody)  # noqa: B010 - a fork has no thread that would end
            with suppress(_NoThread):
                self._open.close()

    def call(self, method: str, /, **params: Any) -> dict[str, Any]:
        """Call any method of the node by its name, such as one of a plugin; see `mepassa.Client.call`."""
        return self._run(partial(self._inner.call, method, **params))

    def follow(
        self, *, topics: Sequence[str] | None = None, after: int | None = None, account: str | None = None
    ) -> Events[dict[str, Any]]:
        """The same as `events`, with the data just as the node gave them: what `call` is to the typed methods."""
        return Events(self._inner.follow(topics=topics, after=after, account=account), self._run)

    def _follow(self, topics: Sequence[str] | None, after: int | None, account: str | None) -> Events[Any]:
        return Events(self._inner.events(topics=topics, after=after, account=account), self._run)

    def _typed(self, method: str, kind: type[T], params: Mapping[str, object]) -> T:
        return self._run(partial(self._inner.typed, method, kind, params))

    def _started(self) -> BlockingPortal:
        with self._starting:
            if self._closed:
                raise RuntimeError("This client is closed; make another one.")
            if self._portal is not None and self._process != os.getpid():
                raise RuntimeError("This client belongs to the process that this one was forked from; make another.")
            if self._portal is None:
                # Whoever forgets to close it: Python must not tear it down while its thread stands still.
                atexit.register(self.close)
                self._process = os.getpid()
                self._portal = self._open.enter_context(start_blocking_portal(name="mepassa"))
                self._open.callback(self._portal.call, self._portal.stop, True)  # and what began too late to be told
                self._open.enter_context(self._portal.wrap_async_context_manager(self._inner))
            return self._portal

    def _run(self, step: Callable[[], Awaitable[T]]) -> T:
        """Carry out a step in the thread of the client and wait for it."""
        ended = threading.Event()

        async def guarded() -> T:
            try:
                return await step()
            finally:
                ended.set()

        running = self._started().start_task_soon(guarded)
        try:
            return running.result()
        except CancelledError:
            raise ConnectionLost("The client was closed.") from None
        except BaseException:
            if running.cancel():  # interrupted: the next step begins where this one has let go
                ended.wait(_UNWIND)
            raise
