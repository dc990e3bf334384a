"""What lies on the disk of nodes whose keys are sealed, and what they can do."""

from __future__ import annotations

import base64
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mepassad.people.keyfiles import read_key
from tests.daemon import MEPASSAD, Daemon, Fleet, befriend, reaches, run, texts
from tests.sealed import ALONE, CHEAP, PASSPHRASE, command, seal


def all_bytes(data: Path) -> bytes:
    """What a thief of the data folder has, the file of words aside."""
    files = [path for path in sorted(data.rglob("*")) if path.is_file() and "recovery-words" not in path.name]
    return b"\0".join(path.read_bytes() for path in files)


QUERIES = {
    "sessions": "SELECT state FROM session",
    "skipped": "SELECT key FROM skipped",
    "prekeys": "SELECT secret FROM private_key",
    "invites": "SELECT secret FROM invite",
    "settings": "SELECT value FROM setting WHERE length(value) >= 32 "  # all that long are secret, here, but for these
    "AND key <> 'addresses/worked'",
    "links": "SELECT CAST(invite AS BLOB) FROM contact WHERE invite <> ''",
    "directories": "SELECT directory FROM contact WHERE directory <> x''",
}


def secrets_of(data: Path) -> dict[str, list[bytes]]:
    """All secrets of a folder that has no passphrase, by where they are."""
    with closing(sqlite3.connect(data / "node.db")) as database:
        found = {name: [row[0] for row in database.execute(sql)] for name, sql in QUERIES.items()}
    seeds = [read_key(path) for path in (data / "keys").glob("*.key")]
    found["seeds"] = [form for seed in seeds for form in (seed, base64.b64encode(seed[2:]))]  # raw, in PEM
    return found


def shown(secrets: dict[str, list[bytes]], data: bytes) -> dict[str, int]:
    """How many secrets of each kind some bytes show."""
    return {name: sum(one in data for one in ones) for name, ones in secrets.items() if ones}


async def a_life(here: Daemon, there: Daemon, absent: str, rounds: int) -> None:
    """Chat both ways, hold an invite open, and a link that was accepted but not yet answered."""
    async with here.client() as ana, there.client() as bruno:
        bruno_id = (await bruno.call("identity.show"))["account"]
        ana_id = (await ana.call("identity.show"))["account"]
        for number in range(rounds):
            for rpc, contact in ((ana, bruno_id), (bruno, ana_id)):
                sent = await rpc.call("messages.send", contact=contact, text=f"message {number}")
                await reaches(rpc, sent["message_id"], "delivered")
        await ana.call("invites.create")
        await ana.call("invites.accept", uri=absent)


@pytest.mark.timeout(180)
async def test_no_secret_of_sealed_folders_is_in_any_file_and_their_nodes_chat_and_outlive_kills(fleet: Fleet) -> None:
    ana, bruno, carla = fleet.start("ana", "bruno", "carla")
    async with ana.session() as here, bruno.session() as there:
        await befriend(here, there)
    async with carla.session() as rpc:
        absent = (await rpc.call("invites.create"))["uri"]
    carla.stop()
    await a_life(ana, bruno, absent, 2)
    for daemon in (ana, bruno):
        assert daemon.stop() == 0
        before = secrets_of(daemon.data)
        assert shown(before, all_bytes(daemon.data))["seeds"] >= 2
        said = seal(daemon)
        assert "recovery-words" in said
        assert set(shown(before, all_bytes(daemon.data)).values()) == {0}
        daemon.start()
        assert set(shown(before, all_bytes(daemon.data)).values()) == {0}
    await a_life(ana, bruno, absent, 5)
    ana.kill()
    copy = fleet.daemon("copy", plugins=[], keys={**CHEAP, "passphrase_file": str(ana.folder / "passphrase")})
    shutil.copytree(ana.data, copy.data)
    left = all_bytes(copy.data)
    assert command(copy, "remove").returncode == 0
    after = secrets_of(copy.data)
    assert {name for name in after if after[name]} >= {"sessions", "prekeys", "invites", "settings", "links", "seeds"}
    assert shown(after, left) == dict.fromkeys(shown(after, left), 0)
    plain = shown(after, all_bytes(copy.data))
    assert all(plain[name] for name in after if after[name])  # the look sees what is there
    ana.start()
    bruno.kill()
    bruno.start()
    await a_life(ana, bruno, absent, 3)
    async with bruno.session() as rpc:
        contact = (await rpc.call("contacts.list"))["items"][0]["contact"]
        assert sorted(await texts(rpc, contact)) == sorted(
            f"message {n}" for n in (*range(2), *range(5), *range(3)) * 2
        )


def test_a_damaged_vault_stops_the_start_with_one_sentence_and_nothing_is_lost(fleet: Fleet) -> None:
    daemon = fleet.daemon("one", **ALONE)
    seal(daemon)
    daemon.start().stop()
    vault = daemon.data / "keys" / "vault"
    whole = vault.read_bytes()
    for junk in (b"", b"\xff" * 136, whole[:-1], whole[:50] + b"\x00" + whole[51:]):
        vault.write_bytes(junk)
        done = run(MEPASSAD, "--config", daemon.config_file)
        assert done.returncode == 1
        assert done.stderr == (
            "The file keys/vault is damaged, or was written by a newer mepassad; restore it from a backup.\n"
        )
    vault.write_bytes(whole)
    daemon.start()


async def test_an_account_of_a_sealed_folder_is_made_sealed_and_meets_others(fleet: Fleet) -> None:
    sealed = fleet.daemon("sealed", keys=CHEAP)
    seal(sealed)
    sealed.start()
    (other,) = fleet.start("other")
    async with sealed.client() as here, other.client() as there:
        await here.call("accounts.create", name="second")
        await befriend(here, there)
    keys = list((sealed.data / "keys").glob("*.key"))
    assert len(keys) == 3
    assert b"PRIVATE" not in all_bytes(sealed.data)


def test_the_configuration_tells_where_the_passphrase_comes_from_and_not_what_it_is(fleet: Fleet) -> None:
    daemon = fleet.daemon("one", **ALONE)
    seal(daemon)
    said = run(MEPASSAD, "--config", daemon.config_file, "config", "show").stdout
    assert f'keys.passphrase_file: "{daemon.folder / "passphrase"}"' in said
    assert PASSPHRASE not in said
