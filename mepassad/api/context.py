"""What a component is given to live with, and what a component is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
from anyio.abc import TaskGroup

from mepassad.api.types import Secret
from mepassad.errors import PluginNotPermitted

T_co = TypeVar("T_co", covariant=True)


class Clock(Protocol):
    """Time, injected, so that tests own it."""

    def now(self) -> float:
        """Unix seconds (wall clock; may jump)."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump; only differences mean anything. They stand still while the machine is suspended."""
        ...

    def elapsed(self) -> float:
        """The same, but those in which the machine was suspended count too."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; cancel-safe."""
        ...


class Log(Protocol):
    """A logger: an event sentence and its facts by name. Never a secret, plaintext or key."""

    def debug(self, event: str, **facts: object) -> None:
        """For the one who looks for a bug."""
        ...

    def info(self, event: str, **facts: object) -> None:
        """Something that an operator may want to have seen."""
        ...

    def warning(self, event: str, **facts: object) -> None:
        """Something went wrong; the node copes."""
        ...

    def error(self, event: str, **facts: object) -> None:
        """Something went wrong that needs an operator."""
        ...


class PluginState(Protocol):
    """A plugin's own small key-value area in the node's store; writes are durable when they return."""

    async def get(self, key: str) -> bytes | None:
        """The value, or None."""
        ...

    async def set(self, key: str, value: bytes | None) -> None:
        """Keep a value, or drop the key with None. Raises `StoreFull`."""
        ...


class PluginContext:
    """What a component may use: its name, its validated config section, log, clock, tasks, folder and state.

    `tasks` is cancelled when the node stops, after the component was left. `data_dir` is the plugin's own folder, made
    on first use by the plugin (0700). `state` is None for the store itself. `shared` is one for all components of the
    plugin in this run: a relay finds there the host that the transport, entered before it, has left.
    """

    def __init__(
        self,
        *,
        name: str,
        config: Any,
        log: Log,
        clock: Clock,
        tasks: TaskGroup,
        data_dir: Path,
        node_key: Secret | None = None,
        state: PluginState | None = None,
        shared: dict[str, Any] | None = None,
    ) -> None:
        """`node_key` None: the plugin may not use it."""
        self.shared: dict[str, Any] = {} if shared is None else shared
        self.name, self.config, self.log, self.clock = name, config, log, clock
        self.tasks, self.data_dir, self.state = tasks, data_dir, state
        self._node_key = node_key

    @property
    def node_key(self) -> Secret:
        """The 32-byte Ed25519 seed of the node's libp2p key. Raises `PluginNotPermitted` without the permission."""
        if self._node_key is None:
            raise PluginNotPermitted(
                f"The plugin '{self.name}' uses the key of the node, and its distribution does not ask for the "
                "permission `node_key`.",
                plugin=self.name,
                permissions=["node_key"],
            )
        return self._node_key


class Component(Protocol[T_co]):
    """A factory that a `provide_*` hook returns. Entering what it makes starts it, leaving stops it."""

    def __call__(self, context: PluginContext, /) -> AbstractAsyncContextManager[T_co]:
        """What is entered and left; see above. `context` is this component's own."""
        ...


ConfigRegister = Callable[[str, type[msgspec.Struct]], None]
