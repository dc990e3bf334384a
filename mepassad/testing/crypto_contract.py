"""The contract of `mepassad.api.crypto.Crypto` as tests: subclass `CryptoContract` with an `engine` fixture."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from mepassad.api.crypto import Crypto
from mepassad.errors import AlreadyOpened, BadBundle, CryptoError, DecryptFailed, KeyMissing, NoSession
from mepassad.testing.crypto_party import Party, connect

CANARY = b"a plaintext that nobody may see"


class CryptoContract:
    """What every engine does. A test of something that only some can do is skipped by the engine's capabilities."""

    def test_messages_pass_both_ways(self, engine: Crypto) -> None:
        alice, bob, session = connect(engine)
        for number in range(5):
            text = b"%d" % number
            assert bob.receive(alice, session, alice.send(session, text)) == text
            assert alice.receive(bob, session, bob.send(session, text)) == text

    def test_an_empty_and_a_large_message_pass(self, engine: Crypto) -> None:
        alice, bob, session = connect(engine)
        for text in (b"", bytes(70_000)):
            assert bob.receive(alice, session, alice.send(session, text)) == text

    def test_both_sides_name_the_session_and_its_transcript_alike(self, engine: Crypto) -> None:
        alice, bob, session = connect(engine)
        assert len(session) == 16
        assert len(alice.transcripts[session]) == 32
        assert alice.transcripts == bob.transcripts

    def test_the_same_text_never_gives_the_same_message(self, engine: Crypto) -> None:
        alice, _, session = connect(engine)
        assert len({alice.send(session, b"again") for _ in range(20)}) == 20

    def test_messages_open_in_any_order(self, engine: Crypto) -> None:
        alice, bob, session = connect(engine)
        messages = []
        for turn in range(4):
            messages += [(text, alice.send(session, text)) for text in (b"%d.%d" % (turn, i) for i in range(5))]
            text, message = messages.pop()
            assert bob.receive(alice, session, message) == text
            alice.receive(bob, session, bob.send(session, b"turn"))
        random.Random(1).shuffle(messages)  # noqa: S311 (repeatable, not secret)
        for text, message in messages:
            assert bob.receive(alice, session, message) == text

    def test_lost_messages_do_not_stop_later_ones(self, engine: Crypto) -> None:
        alice, bob, session = connect(engine)
        for _ in range(3):
            for _ in range(7):
                alice.send(session, b"lost")
            assert bob.receive(alice, session, alice.send(session, b"later")) == b"later"
            alice.receive(bob, session, bob.send(session, b"turn"))

    def test_a_message_opens_only_once(self, engine: Crypto) -> None:
        alice, bob, session = connect(engine)
        late, early = alice.send(session, b"late"), alice.send(session, b"early")
        for message in (early, late):
            bob.receive(alice, session, message)
        for message in (early, late):
            with pytest.raises(AlreadyOpened):
                bob.receive(alice, session, message)
        alice.receive(bob, session, bob.send(session, b"turn"))
        bob.receive(alice, session, alice.send(session, b"turned"))
        for message in (early, late):
            with pytest.raises(DecryptFailed):
                bob.receive(alice, session, message)

    def test_an_altered_message_is_refused_and_changes_nothing(self, engine: Crypto) -> None:
        alice, bob, session = connect(engine)
        message = alice.send(session, b"right")
        for altered in flipped(message):
            with pytest.raises(CryptoError):
                bob.receive(alice, session, altered)
        assert bob.receive(alice, session, message) == b"right"

    def test_a_truncated_message_is_refused_at_every_byte(self, engine: Crypto) -> None:
        alice, bob, session = connect(engine)
        message = alice.send(session, b"right")
        for size in range(len(message)):
            with pytest.raises(DecryptFailed):
                bob.receive(alice, session, message[:size])
        assert bob.receive(alice, session, message) == b"right"

    def test_a_message_of_another_session_is_refused(self, engine: Crypto) -> None:
        alice, bob, session = connect(engine)
        other = alice.begin(bob)
        bob.receive(alice, other, alice.send(other, b"first"))
        with pytest.raises(CryptoError):
            bob.receive(alice, session, alice.send(other, b"elsewhere"))
        assert bob.receive(alice, session, alice.send(session, b"here")) == b"here"

    def test_ones_own_message_reflected_is_refused(self, engine: Crypto) -> None:
        alice, bob, session = connect(engine)
        with pytest.raises(CryptoError):
            alice.receive(bob, session, alice.send(session, b"mirror"))

    def test_junk_is_refused_with_a_named_error(self, engine: Crypto) -> None:
        alice, bob, session = connect(engine)
        chance = random.Random(2)  # noqa: S311 (repeatable, not secret)
        for _ in range(300):
            junk = bytes([chance.randrange(4)]) * chance.randrange(2) + chance.randbytes(chance.randrange(200))
            with pytest.raises(CryptoError):
                bob.receive(alice, session, junk)
            with pytest.raises(CryptoError):
                bob.accept(alice, junk)
            with pytest.raises(BadBundle):
                alice.begin(bob, b"\x0a" + junk)
            with pytest.raises(CryptoError):
                engine.encrypt(junk, b"")
            with pytest.raises(CryptoError):
                engine.decrypt(junk, {}, b"")

    # -- the handshake ------------------------------------------------------------------------------------------

    def test_every_message_until_the_answer_can_begin_the_session(self, engine: Crypto) -> None:
        for first in range(3):
            alice, bob = Party(engine), Party(engine)
            session = alice.begin(bob)
            texts = [b"0", b"1", b"2"]
            messages = [alice.send(session, text) for text in texts]
            for index in (first, *(i for i in range(3) if i != first)):
                assert bob.receive(alice, session, messages[index]) == texts[index]
            assert alice.receive(bob, session, bob.send(session, b"answer")) == b"answer"

    def test_a_message_after_the_answer_begins_no_session(self, engine: Crypto) -> None:
        alice, bob, session = connect(engine)
        with pytest.raises(NoSession):
            bob.accept(alice, alice.send(session, b"later"))

    def test_an_altered_first_message_is_refused_and_changes_nothing(self, engine: Crypto) -> None:
        alice, bob = Party(engine), Party(engine)
        session = alice.begin(bob)
        message = alice.send(session, b"right")
        for altered in flipped(message):
            with pytest.raises(CryptoError):
                bob.accept(alice, altered)
        assert bob.accept(alice, message) == b"right"

    def test_a_truncated_first_message_is_refused_at_every_byte(self, engine: Crypto) -> None:
        alice, bob = Party(engine), Party(engine)
        session = alice.begin(bob)
        message = alice.send(session, b"right")
        for size in range(len(message)):
            with pytest.raises(DecryptFailed):
                bob.accept(alice, message[:size])
        assert bob.accept(alice, message) == b"right"

    def test_two_devices_that_begin_at_once_have_two_working_sessions(self, engine: Crypto) -> None:
        alice, bob = Party(engine), Party(engine)
        hers, his = alice.begin(bob), bob.begin(alice)
        to_bob, to_alice = alice.send(hers, b"from alice"), bob.send(his, b"from bob")
        assert bob.receive(alice, hers, to_bob) == b"from alice"
        assert alice.receive(bob, his, to_alice) == b"from bob"
        for session in (hers, his):
            assert alice.receive(bob, session, bob.send(session, b"a")) == b"a"
            assert bob.receive(alice, session, alice.send(session, b"b")) == b"b"

    def test_a_one_time_key_begins_one_session_only(self, engine: Crypto) -> None:
        alice, bob, carol = Party(engine), Party(engine), Party(engine)
        bundle = bob.bundle()
        hers, others = alice.begin(bob, bundle), carol.begin(bob, bundle)
        assert bob.receive(alice, hers, alice.send(hers, b"first")) == b"first"
        with pytest.raises(KeyMissing):
            bob.receive(carol, others, carol.send(others, b"second"))

    def test_a_one_time_key_is_given_away_once(self, engine: Crypto) -> None:
        bob = Party(engine)
        assert len({bob.bundle() for _ in range(5)}) == 5

    def test_a_first_message_opens_for_nobody_else_and_from_nobody_else(self, engine: Crypto) -> None:
        alice, bob, mallory = Party(engine), Party(engine), Party(engine)
        session = alice.begin(bob)
        message = alice.send(session, b"for bob")
        with pytest.raises(DecryptFailed):
            bob.accept(mallory, message)
        mallory.keys = bob.keys
        with pytest.raises(DecryptFailed):
            mallory.accept(alice, message)
        assert bob.accept(alice, message) == b"for bob"

    # -- bundles and prekeys ------------------------------------------------------------------------------------

    def test_sessions_begin_when_one_time_keys_ran_out(self, engine: Crypto) -> None:
        need(engine, "last-resort")
        alice, bob = Party(engine), Party(engine)
        run_dry(bob)
        for _ in range(3):
            session = alice.begin(bob)
            assert bob.receive(alice, session, alice.send(session, b"first")) == b"first"
            assert alice.receive(bob, session, bob.send(session, b"answer")) == b"answer"

    def test_a_bundle_without_one_time_keys_gives_none_away_and_begins_sessions(self, engine: Crypto) -> None:
        need(engine, "last-resort")
        alice, bob = Party(engine), Party(engine)
        held = list(bob.keys.values())
        bundle = engine.bundle(bob.device, held, bob.now, one_time=False)
        assert bundle.given == ()
        for _ in range(2):
            session = alice.begin(bob, bundle.public)
            assert bob.receive(alice, session, alice.send(session, b"first")) == b"first"
        assert bob.keys.keys() == {key.id for key in held}

    def test_a_first_message_without_one_time_keys_is_accepted_once(self, engine: Crypto) -> None:
        need(engine, "last-resort")
        alice, bob = Party(engine), Party(engine)
        run_dry(bob)
        session = alice.begin(bob)
        message = alice.send(session, b"first")
        bob.accept(alice, message)
        with pytest.raises(CryptoError):
            bob.accept(alice, message)

    def test_a_truncated_bundle_is_refused_at_every_byte(self, engine: Crypto) -> None:
        need(engine, "signed-prekey")
        alice, bob = Party(engine), Party(engine)
        run_dry(bob)
        bundle = bob.bundle()
        for size in range(1, len(bundle)):
            with pytest.raises(BadBundle):
                alice.begin(bob, bundle[:size])

    def test_an_altered_bundle_is_refused(self, engine: Crypto) -> None:
        need(engine, "signed-prekey")
        alice, bob = Party(engine), Party(engine)
        run_dry(bob)
        for altered in flipped(bob.bundle()):
            with pytest.raises(BadBundle):
                alice.begin(bob, altered)

    def test_a_bundle_of_another_device_is_refused(self, engine: Crypto) -> None:
        need(engine, "signed-prekey")
        alice, bob, mallory = Party(engine), Party(engine), Party(engine)
        with pytest.raises(BadBundle):
            alice.begin(bob, mallory.bundle())

    def test_replenishing_twice_changes_nothing_the_second_time(self, engine: Crypto) -> None:
        alice = Party(engine)
        held = list(alice.keys.values())
        assert engine.replenish(alice.account, alice.device, held, alice.now) == ((), (), ())

    def test_replenishing_replaces_what_was_given_away(self, engine: Crypto) -> None:
        bob = Party(engine)
        before = set(bob.keys)
        bob.bundle()
        bob.replenish()
        assert set(bob.keys) > before

    # -- secrets ------------------------------------------------------------------------------------------------

    def test_no_repr_shows_a_secret(self, engine: Crypto) -> None:
        alice, bob = Party(engine), Party(engine)
        begun = engine.initiate(alice.device, bob.device.public, bob.bundle(), alice.now)
        first = engine.encrypt(begun.state, CANARY)
        accepted = engine.accept(bob.device, alice.device.public, first.message, bob.keys.get, bob.now)
        answer = engine.encrypt(accepted.state, CANARY)
        opened = engine.decrypt(first.state, {}, answer.message)
        replenished = engine.replenish(alice.account, alice.device, [], alice.now)
        secrets = [CANARY, begun.state, accepted.state, *(key.secret for key in replenished.added)]
        shown = "".join(f"{thing!r}{thing}" for thing in (begun, first, accepted, answer, opened, replenished, engine))
        for secret in secrets:
            assert str(secret)[2:-1] not in shown
            assert secret.hex() not in shown


def need(engine: Crypto, capability: str) -> None:
    """Skip where an engine cannot do this by its own word."""
    if capability not in engine.capabilities:
        pytest.skip(f"the engine {engine.name} has no {capability}")


def flipped(message: bytes) -> Iterator[bytes]:
    """The message with one bit flipped, once for every byte."""
    for index in range(len(message)):
        yield message[:index] + bytes([message[index] ^ (1 << index % 8)]) + message[index + 1 :]


def run_dry(party: Party) -> None:
    """Give away all one-time keys."""
    while party.engine.bundle(party.device, list(party.keys.values()), party.now).given:
        party.bundle()
