"""The hooks: each is synchronous, called once at start-up, and returns a component or registers something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import click

    from mepassad.api.blobs import Blobs
    from mepassad.api.bots import Bot
    from mepassad.api.context import Component, ConfigRegister
    from mepassad.api.crypto import Crypto
    from mepassad.api.directory import Directory
    from mepassad.api.filters import MessageFilter
    from mepassad.api.mailbox import Mailbox
    from mepassad.api.media import Media
    from mepassad.api.methods import Declaration
    from mepassad.api.push import Push
    from mepassad.api.relay import Relay
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


@hookspec(firstresult=True)
def provide_mailbox(config: Any) -> Component[Mailbox] | None:
    """The server side of store-and-forward. A node has at most one."""


@hookspec(firstresult=True)
def provide_blobs(config: Any) -> Component[Blobs] | None:
    """Where large encrypted bytes lie: a folder, S3. A node has at most one."""


@hookspec
def provide_relay(config: Any) -> Component[Relay] | None:
    """Anything that lends a path, with limits and accounting."""


@hookspec
def provide_push(config: Any) -> Component[Push] | None:
    """Content-free wake-ups, by token kind."""


@hookspec
def provide_media(config: Any) -> Component[Media] | None:
    """Executes calls and rooms."""


@hookspec
def provide_directory(config: Any) -> Component[Directory] | None:
    """Publishes and finds signed records; a node may have several."""


@hookspec
def provide_transport(config: Any) -> Component[Transport] | None:
    """A way to other nodes; a node may have several."""


@hookspec
def provide_filter(config: Any) -> Component[MessageFilter] | None:
    """A filter for messages on both ways; filters run in the order of the `plugins` list."""


@hookspec
def provide_bot(config: Any) -> Sequence[Component[Bot]] | None:
    """Bots that live inside the daemon, started once the node answers."""


@hookspec
def register_methods(register: Callable[[Declaration], None]) -> None:
    """Add RPC methods: functions marked with `@method("<plugin>.<verb>", …)`."""


@hookspec
def register_commands(cli: click.Group) -> None:
    """Add sub-commands to `mepassad`."""
