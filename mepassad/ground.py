"""What a node stands on: its data folder, locked; its key files and its store, unlocked where they are sealed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad import lock
from mepassad.api.context import Clock
from mepassad.api.store import Store
from mepassad.api.types import Secret
from mepassad.components import Components
from mepassad.config.load import Loaded
from mepassad.config.model import Config
from mepassad.errors import VaultMissing
from mepassad.log import StructuredLog
from mepassad.people.keyfiles import KeyFiles, check_private, closed_folder, erase, private_folder
from mepassad.plugins import Plugins
from mepassad.vault import file, passphrase
from mepassad.vault.columns import MARKER
from mepassad.vault.store import seal_rows, sealed_store
from mepassad.vault.vault import Vault

NODE_KEY = "node.key"


class Ground(msgspec.Struct, frozen=True):
    """`store` opens what is sealed; `raw` is the same store as its plugin keeps it.

    `erased`: None, or if secrets lay in plain beside the vault until now, the store's backups that went with that.
    """

    keys: KeyFiles
    components: Components
    store: Store
    raw: Store
    erased: Sequence[Path] | None = None

    def __repr__(self) -> str:
        return "Ground()"


Unlock = Callable[[Path, Config], Vault | None]
"""From the folder of key files, the vault in it; None where there is none."""


def unlock(keys: Path, config: Config) -> Vault | None:
    """The vault, with the passphrase from wherever it is to be had. Raises as `passphrase.unlock`, `VaultBroken`."""
    path = keys / file.NAME
    return Vault(passphrase.unlock(read_vault(path), config)) if path.exists() else None


def read_vault(path: Path) -> file.Wrapped:
    """The parts of the vault file. Raises `UnsafePath`, `StoreBroken`, `VaultBroken`."""
    check_private(path)
    return file.parse(path.read_bytes())


@asynccontextmanager
async def ground(loaded: Loaded, plugins: Plugins, clock: Clock, unlock: Unlock = unlock) -> AsyncIterator[Ground]:
    """The ground, while it is held. A sealing that was interrupted is finished first.

    Raises `AlreadyRunning`, `UnsafePath`, what `unlock` and the store raise, `VaultBroken`, `VaultMissing`.
    """
    folder = private_folder(loaded.config.node.data_dir)
    with lock.hold(folder):
        path = closed_folder(folder / "keys")
        keys = KeyFiles(path, unlock(path, loaded.config))
        if not keys.path(NODE_KEY).exists():
            keys.write(NODE_KEY, Ed25519PrivateKey.generate().private_bytes_raw())
        components = Components(loaded, plugins, clock, Secret(keys.read(NODE_KEY)))
        async with AsyncExitStack() as stack:
            store = await _open(stack, components)
            marked = await store.setting("", MARKER) is not None
            if keys.vault is not None:
                held = await _sealed(stack, Ground(keys, components, store, store), keys.vault, marked)
            elif marked:
                raise VaultMissing
            else:
                held = Ground(keys, components, store, store)
            components.store = held.store
            yield held


async def _open(stack: AsyncExitStack, components: Components) -> Store:
    store: Store = await stack.enter_async_context(components.live(*components.one("provide_store")))
    return store


async def _sealed(stack: AsyncExitStack, ground: Ground, vault: Vault, marked: bool) -> Ground:
    """The ground with everything sealed. Rows, then backups, then key files: whatever interrupts this, the next start
    sees by the marker or by a plain key file that there is more to do."""
    keys, raw, erased = ground.keys, ground.raw, None
    keys.tidy()
    if not marked or keys.plain():
        StructuredLog("vault").info("sealing the folder")
        if not marked:
            await seal_rows(raw, vault)
        await stack.aclose()  # on its way out a store puts away what it still holds in plain
        raw = await _open(stack, ground.components)
        erased = sorted(path for path in keys.folder.parent.glob("*.backup*") if path.is_file())
        for path in erased:
            erase(path)
        keys.seal(keys.plain())
    store = sealed_store(raw, vault)
    await store.setting("", MARKER)  # raises where another vault sealed it
    return Ground(keys, ground.components, store, raw, erased)
