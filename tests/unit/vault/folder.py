"""A data folder, its configuration, and what is done to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio

from mepassad.api.types import Secret
from mepassad.clock import SystemClock
from mepassad.config.load import Loaded, load
from mepassad.ground import Ground, ground
from mepassad.plugins import Plugins, discover
from mepassad.vault import change
from tests.unit.vault.filled import everything, fill

OLD, NEW = Secret(b"the old passphrase"), Secret(b"the new passphrase")


class Folder:
    """A data folder, its configuration, and what is done to it."""

    def __init__(self, place: Path) -> None:
        self.place, self.data, self.keys = place, place / "data", place / "data" / "keys"

    def configuration(self) -> tuple[Loaded, Plugins]:
        environ = {
            "HOME": str(self.place),
            "MEPASSAD__NODE__DATA_DIR": str(self.data),
            "MEPASSAD__KEYS__PASSPHRASE_FILE": str(self.place / "passphrase"),
        }
        return load(None, environ, discover())

    def know(self, passphrase: Secret) -> None:
        (self.place / "passphrase").touch(0o600)
        (self.place / "passphrase").write_bytes(bytes(passphrase))

    def set(self, passphrase: Secret = OLD) -> list[Path]:
        return list(change.set_passphrase(*self.configuration(), lambda: passphrase))

    def change(self, passphrase: Secret = NEW) -> None:
        change.change_passphrase(self.configuration()[0].config, lambda: passphrase)

    def remove(self) -> None:
        change.remove_passphrase(*self.configuration())

    def start(self, look: Callable[[Ground], object] = lambda held: None) -> object:
        async def up() -> object:
            async with ground(*self.configuration(), SystemClock()) as held:
                return look(held)

        return anyio.run(up)

    def fill(self) -> None:
        async def up() -> None:
            async with ground(*self.configuration(), SystemClock()) as held:
                await fill(held.store)
                held.keys.write("mp1ana.key", b"a" * 32)

        anyio.run(up)

    def everything(self) -> list[object]:
        async def up() -> list[object]:
            async with ground(*self.configuration(), SystemClock()) as held:
                return await everything(held.store)

        return anyio.run(up)

    def bytes(self) -> bytes:
        return b"".join(path.read_bytes() for path in sorted(self.data.rglob("*")) if path.is_file())
