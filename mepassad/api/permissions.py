"""What a plugin can be allowed: each permission opens hooks. Its distribution names those that the plugin asks for.

They are consent and a guard against mistakes, not a wall: a plugin runs inside the node and can do whatever it can.
"""

from __future__ import annotations

from typing import NamedTuple


class Permission(NamedTuple):
    """Something that whoever runs the node allows a plugin. `words` go on after "may"; `hooks` are what it opens."""

    name: str
    words: str
    hooks: tuple[str, ...] = ()


messages = Permission("messages", "see, change and refuse the text of every message", ("provide_filter",))
keys = Permission(
    "keys", "encrypt and decrypt every message, with the keys of this device and of sessions", ("provide_crypto",)
)
store = Permission(
    "store", "keep all that this node has: messages, contacts, invites, sessions and their keys", ("provide_store",)
)
network = Permission(
    "network",
    "exchange data with other nodes and services, and keep what is sealed for others",
    (
        "provide_transport",
        "provide_directory",
        "provide_relay",
        "provide_push",
        "provide_mailbox",
        "provide_blobs",
    ),
)
node_key = Permission("node_key", "use the key by which others know this node, and so speak as this node")
media = Permission("media", "carry the sound and pictures of calls and rooms", ("provide_media",))
methods = Permission("methods", "answer calls of clients, under the plugin's name", ("register_methods",))
commands = Permission("commands", "add commands to `mepassad`", ("register_commands",))
bots = Permission("bots", "run bots, each with an account and the scopes that it asks for", ("provide_bot",))

PERMISSIONS = {one.name: one for one in (messages, keys, store, network, node_key, media, methods, commands, bots)}


def opens(hook: str) -> Permission | None:
    """The permission that a hook takes; None where it takes none."""
    return next((one for one in PERMISSIONS.values() if hook in one.hooks), None)
