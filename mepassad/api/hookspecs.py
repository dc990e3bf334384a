"""The hooks: each is synchronous, called once at start-up, and returns a component or registers something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Callable

    import click

    from mepassad.api.context import Component, ConfigRegister
    from mepassad.api.crypto import Crypto
    from mepassad.api.filters import MessageFilter
    from mepassad.api.store import Store
    from mepassad.api.transport import Transport

hookspec = pluggy.HookspecMarker("mepassad")
hookimpl = pluggy.HookimplMarker("mepassad")


@hookspec
def register_config(register: ConfigRegister) -> None:
    """Give the plugin's own section of config.yaml its type: `register("my_plugin", MyConfig)`.

    `MyConfig` is a `msgspec.Struct` with a default for every key. Checked before any I/O, with all other errors.
    """


@hookspec(firstresult=True)
def provide_crypto(config: Any) -> Component[Crypto] | None:
    """The crypto engine. Return None unless `config.crypto.plugin` is your name."""


@hookspec(firstresult=True)
def provide_store(config: Any) -> Component[Store] | None:
    """The node's own store. Return None unless `config.store.plugin` is your name."""


@hookspec
def provide_transport(config: Any) -> Component[Transport] | None:
    """A way to other nodes; a node may have several."""


@hookspec
def provide_filter(config: Any) -> Component[MessageFilter] | None:
    """A filter for messages on both ways; filters run in the order of the `plugins` list."""


@hookspec
def register_methods(register: Callable[[Any], None]) -> None:
    """Add RPC methods: functions marked with `@method("<plugin>.<verb>", …)`."""


@hookspec
def register_commands(cli: click.Group) -> None:
    """Add sub-commands to `mepassad`."""
