"""Changes a folder's passphrase in a process that ends at its n-th step, for every n. Run by test_crashing.py.

`python -m tests.unit.vault.crashing ACTION FOLDER`: makes a data folder in FOLDER, with a passphrase unless ACTION is
`set`; then, in copies of it, does ACTION up to the first step, up to the second, and so on to its end. A step is a
file synced, renamed or deleted, or a commit. What each copy is then like comes as a line of JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import anyio

from mepassad.api.store import Commit, Committed
from mepassad.api.types import Secret
from mepassad.builtin.store_sqlite.store import SqliteStore
from mepassad.clock import SystemClock
from mepassad.config.load import Loaded, load
from mepassad.errors import MepassaError
from mepassad.ground import ground
from mepassad.plugins import Plugins, discover
from mepassad.vault import change
from mepassad.vault.file import Cost
from tests.unit.vault.filled import SECRET, everything, fill, shown

T = TypeVar("T")

OLD, NEW = Secret(b"the old passphrase"), Secret(b"the new passphrase")
ENDED = 9  # exit code of a process that was ended at its step
SEED = bytes(range(32))


def configuration(folder: Path) -> tuple[Loaded, Plugins]:
    """A folder's, whose passphrase is in the file beside it."""
    environ = {
        "HOME": str(folder),
        "MEPASSAD__NODE__DATA_DIR": str(folder / "data"),
        "MEPASSAD__KEYS__PASSPHRASE_FILE": str(folder / "passphrase"),
    }
    return load(None, environ, discover())


def know(folder: Path, passphrase: Secret) -> None:
    """Let the folder's node have this passphrase."""
    path = folder / "passphrase"
    path.touch(0o600)
    path.write_bytes(bytes(passphrase))


async def make(folder: Path) -> None:
    """A folder in which everything is plain: rows, two key files, a backup."""
    async with ground(*configuration(folder), SystemClock()) as held:
        await fill(held.store)
        held.keys.write("mp1ana.key", SEED)
    (folder / "data" / "node.db.v1.backup").write_bytes(SECRET)


async def look(folder: Path) -> tuple[str, list[str]]:
    """All that a started node finds, rows and keys; and the files that show secrets while it runs."""
    async with ground(*configuration(folder), SystemClock()) as held:
        keys = [held.keys.read(path.name) for path in sorted(held.keys.folder.glob("*.key"))]
        return shown([await everything(held.store), keys]), plain_in(folder)


def act(action: str, folder: Path) -> None:
    """Do it."""
    loaded, plugins = configuration(folder)
    if action == "set":
        change.set_passphrase(loaded, plugins, lambda: OLD)
    elif action == "change":
        change.change_passphrase(loaded.config, lambda: NEW)
    else:
        change.remove_passphrase(loaded, plugins)


def ending_at(step: int, call: Callable[[], None]) -> int:
    """The exit code of a process that does something up to a step."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    left = iter(range(step))

    def stepping(real: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*args: Any, **kwargs: Any) -> Any:
            if next(left, None) is None:
                os._exit(ENDED)
            return real(*args, **kwargs)

        return stepped

    for name in ("fsync", "replace", "unlink"):
        setattr(os, name, stepping(getattr(os, name)))
    commit = SqliteStore.commit

    async def before_and_after(store: SqliteStore, one: Commit) -> Committed:
        stepping(int)()
        kept = await commit(store, one)
        stepping(int)()
        return kept

    SqliteStore.commit = before_and_after  # type: ignore[method-assign,assignment]
    call()
    os._exit(0)


def plain_in(folder: Path) -> list[str]:
    """The files of the data folder that show a secret."""
    needles = (SECRET, b"PRIVATE KEY", SEED)
    files = [path for path in sorted((folder / "data").rglob("*")) if path.is_file()]
    return [path.name for path in files if any(needle in path.read_bytes() for needle in needles)]


def tried(call: Callable[[], T]) -> T | str:
    """What came of it: its value, or the name of its error."""
    try:
        return call()
    except MepassaError as error:
        return error.name


def what_is_left(action: str, folder: Path, whole: str) -> dict[str, object]:
    """What a folder is like after an interruption, and after the next start."""
    again = folder.with_name("again")
    shutil.rmtree(again, ignore_errors=True)
    shutil.copytree(folder, again)
    found: dict[str, object] = {"vault": (folder / "data" / "keys" / "vault").exists()}
    for name, passphrase in (("old", OLD), ("new", NEW)):
        know(folder, passphrase)
        seen = tried(lambda: anyio.run(look, folder))
        found[name] = seen if isinstance(seen, str) else seen[0] == whole
        if not isinstance(seen, str):
            found["plain"] = seen[1]
    if action != "change":
        found["again"] = tried(lambda: act(action, again))
        found["plain again"] = plain_in(again)
        found["whole again"] = anyio.run(look, again)[0] == whole
    return found


def main(action: str, folder: Path) -> None:
    """See above."""
    change._cost = lambda config: Cost(memory=8, passes=1, lanes=1)  # type: ignore[assignment]
    first, copy = folder / "first", folder / "copy"
    first.mkdir()
    know(first, OLD)
    anyio.run(make, first)
    whole, _ = anyio.run(look, first)
    if action != "set":
        act("set", first)
    for step in range(1000):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(first, copy)
        code = ending_at(step, lambda: act(action, copy))
        sys.stdout.write(json.dumps({"code": code, **what_is_left(action, copy, whole)}) + "\n")
        if code == 0:
            return


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
