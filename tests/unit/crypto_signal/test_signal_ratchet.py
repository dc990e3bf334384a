"""The ratchet's limits, its known answers, and what it keeps."""

import hmac

import pytest

from mepassad.builtin.crypto_signal import handshake, ratchet
from mepassad.builtin.crypto_signal.plugin import Signal
from mepassad.errors import AlreadyOpened, CryptoError, DecryptFailed, GapTooLarge
from mepassad.testing.crypto_party import Party, connect

ENGINE = Signal()


@pytest.fixture
def connected() -> tuple[Party, Party, bytes]:
    return connect(ENGINE)


def lose(party: Party, session: bytes, number: int) -> None:
    for _ in range(number):
        party.send(session, b"lost")


def turn(alice: Party, bob: Party, session: bytes) -> None:
    """Bob answers in a new chain and Alice hears it, so that her next message begins one too."""
    alice.receive(bob, session, bob.send(session, b"turn"))


def test_a_chain_step_gives_the_known_answers_of_libsignal() -> None:
    seed = bytes.fromhex("8ab72d6f4cc5ac0d387eaf463378ddb28edd07385b1cb01250c715982e7ad48f")
    chain, message_key = ratchet.step(seed)
    assert chain.hex() == "28e8f8fee54b801eef7c5cfb2f17f32c7b334485bbb70fac6ec10342a246d15d"
    assert message_key == hmac.digest(seed, b"\x01", "sha256")


def test_the_limits_are_those_of_the_protocol() -> None:
    assert (ratchet.MAX_GAP, ratchet.MAX_SKIPPED) == (1000, 2000)
    assert (ratchet.MAX_COUNTER, ratchet.MAX_HANDSHAKE) == (4_294_967_294, 4096)
    assert (handshake.MAX_BUNDLE, handshake.MAX_REMEMBERED) == (8192, 4096)


def test_a_gap_of_a_thousand_in_a_chain_is_bridged(connected: tuple[Party, Party, bytes]) -> None:
    alice, bob, session = connected
    lose(alice, session, ratchet.MAX_GAP)
    assert bob.receive(alice, session, alice.send(session, b"here")) == b"here"
    assert len(bob.sides[session].skipped) == 1000


def test_a_larger_gap_is_refused_until_some_of_it_arrives(connected: tuple[Party, Party, bytes]) -> None:
    alice, bob, session = connected
    early = alice.send(session, b"early")
    lose(alice, session, ratchet.MAX_GAP)
    late = alice.send(session, b"late")
    with pytest.raises(GapTooLarge):
        bob.receive(alice, session, late)
    assert bob.receive(alice, session, early) == b"early"
    assert bob.receive(alice, session, late) == b"late"


def test_a_gap_is_counted_in_the_last_chain_and_in_the_new_one(connected: tuple[Party, Party, bytes]) -> None:
    alice, bob, session = connected
    bob.receive(alice, session, alice.send(session, b"heard"))
    lose(alice, session, ratchet.MAX_GAP)
    turn(alice, bob, session)
    lose(alice, session, ratchet.MAX_GAP)
    assert bob.receive(alice, session, alice.send(session, b"here")) == b"here"
    assert len(bob.sides[session].skipped) == 2000


@pytest.mark.parametrize("chain", ["last", "new"])
def test_a_gap_too_large_in_either_chain_is_refused(connected: tuple[Party, Party, bytes], chain: str) -> None:
    alice, bob, session = connected
    bob.receive(alice, session, alice.send(session, b"heard"))
    lose(alice, session, ratchet.MAX_GAP + (chain == "last"))
    turn(alice, bob, session)
    lose(alice, session, ratchet.MAX_GAP + (chain == "new"))
    with pytest.raises(GapTooLarge):
        bob.receive(alice, session, alice.send(session, b"here"))


def test_at_most_two_thousand_skipped_keys_are_kept_and_the_oldest_go(connected: tuple[Party, Party, bytes]) -> None:
    alice, bob, session = connected
    oldest, second = alice.send(session, b"oldest"), alice.send(session, b"second")
    for _ in range(2):
        lose(alice, session, 998)
        bob.receive(alice, session, alice.send(session, b"here"))
    lose(alice, session, 3)
    bob.receive(alice, session, alice.send(session, b"here"))
    assert len(bob.sides[session].skipped) == ratchet.MAX_SKIPPED
    with pytest.raises(DecryptFailed):
        bob.receive(alice, session, oldest)
    assert bob.receive(alice, session, second) == b"second"


def test_no_step_is_taken_for_a_gap_too_large_in_a_turn(
    connected: tuple[Party, Party, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, session = connected
    bob.receive(alice, session, alice.send(session, b"one"))
    alice.receive(bob, session, bob.send(session, b"two"))
    turn = alice.send(session, b"three")
    far = turn[:33] + (1000).to_bytes(4, "big") + (ratchet.MAX_GAP + 1).to_bytes(4, "big") + turn[41:]

    def never(chain: bytes) -> tuple[bytes, bytes]:
        raise AssertionError("a step was taken")

    monkeypatch.setattr(ratchet, "step", never)
    with pytest.raises(GapTooLarge):
        bob.receive(alice, session, far)


def test_a_message_opened_before_is_told_as_such(connected: tuple[Party, Party, bytes]) -> None:
    alice, bob, session = connected
    message = alice.send(session, b"once")
    bob.receive(alice, session, message)
    with pytest.raises(AlreadyOpened):
        bob.receive(alice, session, message)


def test_a_skipped_key_is_dropped_when_it_was_used(connected: tuple[Party, Party, bytes]) -> None:
    alice, bob, session = connected
    late = alice.send(session, b"late")
    bob.receive(alice, session, alice.send(session, b"early"))
    side = bob.sides[session]
    (reference,) = side.skipped
    opened = ENGINE.decrypt(side.state, side.skipped, late)
    assert opened == (side.state, b"late", (), (reference,))


def test_a_state_is_small_and_its_handshake_goes_with_the_first_answer() -> None:
    alice, bob = Party(ENGINE), Party(ENGINE)
    session = alice.begin(bob)
    first, second = alice.send(session, b"first"), alice.send(session, b"second")
    assert first[0] == second[0] == ratchet.FIRST_MESSAGE
    assert len(alice.sides[session].state) < 2048
    bob.receive(alice, session, first)
    turn(alice, bob, session)
    assert len(alice.sides[session].state) == len(bob.sides[session].state) == 241
    assert alice.send(session, b"third")[0] == ratchet.MESSAGE


def test_randomness_is_drawn_only_to_begin_a_sending_chain(connected: tuple[Party, Party, bytes]) -> None:
    alice, bob, session = connected
    drawn: list[int] = []

    def random(size: int) -> bytes:
        drawn.append(size)
        return bytes(range(size))

    turn(alice, bob, session)
    state = alice.sides[session].state
    once = ratchet.encrypt(state, b"text", random)
    assert drawn == [32]
    ratchet.encrypt(once.state, b"text", random)
    assert drawn == [32]
    assert ratchet.encrypt(state, b"text", random) == once


def test_a_low_order_ratchet_key_is_refused(connected: tuple[Party, Party, bytes]) -> None:
    alice, bob, session = connected
    message = alice.send(session, b"text")
    with pytest.raises(DecryptFailed, match="invalid key"):
        bob.receive(alice, session, message[:1] + bytes(32) + message[33:])


def test_a_peer_cannot_turn_twice_before_it_heard_us(connected: tuple[Party, Party, bytes]) -> None:
    alice, bob, session = connected
    bob.receive(alice, session, alice.send(session, b"turn"))
    state = ratchet.State.unpack(alice.sides[session].state)
    state.sending = bytes(32)
    alice.sides[session].state = state.pack()
    with pytest.raises(DecryptFailed, match="before it heard ours"):
        bob.receive(alice, session, alice.send(session, b"turn again"))


def test_a_chain_ends_at_its_last_counter_and_the_peer_opens_that_message(
    connected: tuple[Party, Party, bytes],
) -> None:
    alice, bob, session = connected
    bob.receive(alice, session, alice.send(session, b"turn"))
    for party, field in ((alice, "sent"), (bob, "received")):
        state = ratchet.State.unpack(party.sides[session].state)
        setattr(state, field, ratchet.MAX_COUNTER)
        party.sides[session].state = state.pack()
    assert bob.receive(alice, session, alice.send(session, b"last")) == b"last"
    with pytest.raises(CryptoError, match="begin a new one"):
        alice.send(session, b"one more")
    turn(alice, bob, session)
    assert bob.receive(alice, session, alice.send(session, b"a new chain")) == b"a new chain"


def test_a_state_of_another_version_is_refused(connected: tuple[Party, Party, bytes]) -> None:
    alice, _, session = connected
    state = alice.sides[session].state
    for damaged in (b"", state[:-1], b"\x02" + state[1:]):
        with pytest.raises(CryptoError, match="damaged or of another version"):
            ENGINE.encrypt(damaged, b"text")


def test_an_unknown_kind_of_message_is_named(connected: tuple[Party, Party, bytes]) -> None:
    alice, bob, session = connected
    message = alice.send(session, b"text")
    with pytest.raises(DecryptFailed, match="newer version"):
        bob.receive(alice, session, b"\x03" + message[1:])


def test_the_repr_of_a_state_shows_only_counters(connected: tuple[Party, Party, bytes]) -> None:
    alice, _, session = connected
    assert repr(ratchet.State.unpack(alice.sides[session].state)) == "State(sent=0, received=1)"
