"""What was dropped is gone from the file, not only from the reads."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeAlias

import pytest

from mepassad.api.writes import (
    AddMessage,
    AddSkipped,
    DropContact,
    DropKeys,
    DropSession,
    DropSkipped,
    PutContact,
    PutKeys,
    PutSession,
    SetSetting,
    Write,
)
from mepassad.builtin.store_sqlite.store import SqliteStore
from mepassad.testing.store_rows import ANA, EVA, RUI, a_contact, a_key, a_message, a_session, commit, texts

OpenStore: TypeAlias = Callable[..., AbstractAsyncContextManager[SqliteStore]]

CANARY = "canaryzwitschert"
SECRET = CANARY.encode()


@pytest.mark.parametrize(
    ("keep", "drop"),
    [
        (AddMessage(a_message(1, text=f"the {CANARY} sings")), DropContact(ANA, RUI)),
        (PutSession(a_session(1, state=SECRET)), PutSession(a_session(2, state=b"advanced"))),
        (PutSession(a_session(1, state=SECRET * 500)), PutSession(a_session(2, state=b"advanced"))),
        (PutSession(a_session(1, state=SECRET)), DropSession(ANA, b"session")),
        (AddSkipped(ANA, b"session", ((b"1", SECRET),)), DropSkipped(ANA, b"session", (b"1",))),
        (PutKeys((a_key(1, secret=SECRET),)), DropKeys(ANA, (1,))),
        (SetSetting("", "key", SECRET), SetSetting("", "key", None)),
    ],
)
async def test_what_was_dropped_is_not_left_in_the_file(
    path: Path, opened: OpenStore, keep: Write, drop: Write
) -> None:
    async with opened() as store:
        await commit(store, PutContact(a_contact()), PutContact(a_contact(EVA)), keep)
        for number in range(10, 30):
            await commit(store, AddMessage(a_message(number, contact=EVA, text="others stay")))
        assert len(await texts(store, "others")) == 20  # and the index was written
    assert SECRET in path.read_bytes()
    async with opened() as store:
        await commit(store, drop)
        assert len(await texts(store, "others")) == 20
    assert SECRET not in path.read_bytes()
    assert [file.name for file in path.parent.iterdir()] == [path.name]
