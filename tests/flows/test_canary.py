"""A secret text appears in no log, in no transport frame and in no error; a crypto plugin that does not encrypt is
caught by the very same look."""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mepassad.api import Component, DecryptFailed, PluginContext, hookimpl
from mepassad.api.crypto import Accepted, Bundle, Crypto, Decrypted, DeviceKey, Encrypted, Initiated, Replenished
from mepassad.api.types import AccountId, PrivateKey
from mepassad.log import JsonFormatter
from mepassad.testing.nodes import eventually, living
from mepassad.testing.rpc_client import RpcError
from tests.daemon import Fleet, befriend, reaches


class NullCrypto:
    """Sessions that encrypt nothing. Implements `mepassad.api.crypto.Crypto`."""

    name = "null_crypto"
    capabilities = frozenset[str]()

    def replenish(self, account: AccountId, device: DeviceKey, held: Sequence[PrivateKey], now: int) -> Replenished:
        return Replenished()

    def bundle(self, device: DeviceKey, held: Sequence[PrivateKey], now: int, one_time: bool = True) -> Bundle:
        return Bundle(b"nothing")

    def initiate(self, device: DeviceKey, peer: bytes, bundle: bytes, now: int) -> Initiated:
        session = os.urandom(16)
        return Initiated(session, session, hashlib.sha256(session).digest())

    def accept(
        self, device: DeviceKey, peer: bytes, message: bytes, key: Callable[[int], PrivateKey | None], now: int
    ) -> Accepted:
        session = message[:16]
        return Accepted(session, session, hashlib.sha256(session).digest(), message[16:])

    def encrypt(self, state: bytes, plaintext: bytes) -> Encrypted:
        return Encrypted(state, state + plaintext)

    def decrypt(self, state: bytes, skipped: Mapping[bytes, bytes], message: bytes) -> Decrypted:
        if message[:16] != state:
            raise DecryptFailed
        return Decrypted(state, message[16:])


class NullPlugin:
    """Provides the null crypto."""

    @hookimpl
    def provide_crypto(self, config: Any) -> Component[Crypto] | None:
        return self._component if config.crypto.plugin == NullCrypto.name else None

    @asynccontextmanager
    async def _component(self, context: PluginContext) -> AsyncIterator[Crypto]:
        yield NullCrypto()


def forms(canary: str) -> list[bytes]:
    """How a text may look in bytes: as it is, in UTF-16, in hex, and in base64 wherever it begins."""
    raw = canary.encode()
    shifted = [base64.b64encode(bytes(shift) + raw)[4:-4] for shift in range(3)]
    return [raw, canary.encode("utf-16-le"), raw.hex().encode(), *shifted]


def holding(canary: str, *places: bytes) -> list[bytes]:
    """The places that hold a text in any form."""
    return [place for place in places if any(form in place for form in forms(canary))]


async def frames_of_a_chat(folder: Path, crypto: str, canary: str) -> list[bytes]:
    """Every frame that two nodes wrote while the canary was sent, received, replied to and read."""
    async with living(folder) as nodes:
        nodes.plugins[NullCrypto.name] = NullPlugin()
        ana = await nodes.start("ana", crypto__plugin=crypto)
        bruno = await nodes.start("bruno", crypto__plugin=crypto)
        await nodes.introduce(ana, bruno)
        nodes.cut(ana, bruno)
        waiting = await ana.say(bruno, f"first {canary}")
        nodes.heal(ana, bruno)
        nodes.clock.advance(3600)
        await eventually(lambda: len(bruno.texts()) == 1)
        answer = await bruno.say(ana, canary)
        await eventually(lambda: ana.texts() == [canary])
        for node, message in ((bruno, waiting), (ana, answer)):
            await node.node.conversations.mark_read(node.account, message.id)

        async def read() -> bool:
            return [await ana.state(waiting), await bruno.state(answer)] == ["read", "read"]

        await nodes.in_time(read)
        assert len(nodes.tap.packets()) >= 4
        return [passed.frame for passed in nodes.tap.passed]


@pytest.fixture
def canary() -> str:
    """A text that no other bytes hold by chance."""
    return f"canário-{secrets.token_hex(16)}"


async def test_the_canary_appears_in_no_frame_and_no_log(
    tmp_path: Path, canary: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    frames = await frames_of_a_chat(tmp_path, "signal", canary)
    assert not holding(canary, *frames)
    lines = [JsonFormatter(tracebacks=True).format(record) for record in caplog.records]
    assert len(lines) >= 2
    assert not holding(canary, *(line.encode() for line in lines))


async def test_a_crypto_plugin_that_does_not_encrypt_is_caught_by_the_canary(tmp_path: Path, canary: str) -> None:
    frames = await frames_of_a_chat(tmp_path, NullCrypto.name, canary)
    assert len(holding(canary, *frames)) >= 2


async def test_real_daemons_write_the_canary_into_no_log_and_no_error(fleet: Fleet, canary: str) -> None:
    here, there = fleet.start("ana", "bruno", log={"level": "debug", "format": "json"})
    errors = []
    async with here.client() as ana, there.client() as bruno:
        bruno_id, ana_id = await befriend(ana, bruno)
        sent = (await ana.call("messages.send", contact=bruno_id, text=canary, request_id="r"))["message_id"]
        await reaches(ana, sent, "delivered")
        await bruno.call("messages.mark_read", message_id=sent)
        await reaches(ana, sent, "read")
        wrong: list[tuple[str, dict[str, Any]]] = [
            ("messages.send", {"contact": bruno_id, "text": f"{canary} again", "request_id": "r"}),
            ("messages.send", {"contact": bruno_id, "text": canary * 3000}),
            ("messages.send", {"contact": canary, "text": canary}),
            ("messages.send", {"contact": bruno_id, "text": {"nested": canary}}),
            ("messages.search", {"query": canary, "limit": 0}),
        ]
        for method, params in wrong:
            with pytest.raises(RpcError) as refused:
                await ana.call(method, **params)
            errors.append(repr(refused.value.data) + str(refused.value))
        await bruno.call("contacts.block", contact=ana_id)
        await ana.call("messages.send", contact=bruno_id, text=canary)
    for daemon in (here, there):
        daemon.kill()
        daemon.start()
        daemon.stop()
    logs = [text.encode() for daemon in (here, there) for text in (daemon.log(), daemon.out())]
    assert not holding(canary, *logs, *(error.encode() for error in errors))
    assert all('"level"' in daemon.log() for daemon in (here, there))


def test_the_look_for_a_canary_sees_through_encodings(canary: str) -> None:
    for before in ("", "x", "xy", "xyz"):
        raw = f"{before}{canary} and more".encode()
        assert holding(canary, raw)
        assert holding(canary, base64.b64encode(raw))
        assert holding(canary, raw.hex().encode())
    assert not holding(canary, canary[:-1].encode(), hashlib.sha256(canary.encode()).digest())
