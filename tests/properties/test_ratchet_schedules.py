"""Under any order, loss, doubling and alteration each message that arrives opens exactly once, to what was sent."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mepassad.builtin.crypto_signal import ratchet
from mepassad.builtin.crypto_signal.plugin import Signal
from mepassad.errors import CryptoError
from mepassad.testing.crypto_party import Party, connect
from tests.examples import examples

ENGINE = Signal()
SIDES = st.integers(0, 1)
AT = st.integers(0, 2**16)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), SIDES, AT),
        st.tuples(st.just("open"), SIDES, AT),
        st.tuples(st.just("lose"), SIDES, AT),
        st.tuples(st.just("open twice"), SIDES, AT),
        st.tuples(st.just("alter"), SIDES, AT),
    ),
    max_size=60,
)


class Network:
    """Two parties and what is underway to each."""

    def __init__(self, parties: tuple[Party, Party], session: bytes) -> None:
        self.parties, self.session = parties, session
        self.underway: tuple[list[tuple[bytes, bytes]], ...] = ([], [])
        self.sent = 0

    def take(self, side: int, at: int) -> tuple[bytes, bytes] | None:
        queue = self.underway[side]
        return queue.pop(at % len(queue)) if queue else None

    def receive(self, side: int, message: bytes) -> bytes:
        return self.parties[side].receive(self.parties[1 - side], self.session, message)

    def send(self, side: int) -> None:
        text = b"%d" % self.sent
        self.sent += 1
        self.underway[1 - side].append((self.parties[side].send(self.session, text), text))

    def refuses(self, side: int, message: bytes) -> bool:
        try:
            self.receive(side, message)
        except CryptoError:
            return True
        return False

    def step(self, word: str, side: int, at: int) -> None:
        if word == "send":
            return self.send(side)
        if (taken := self.take(side, at)) is None or word == "lose":
            return None
        message, text = taken
        if word == "alter":
            index = at % len(message)
            assert self.refuses(side, message[:index] + bytes([message[index] ^ 1]) + message[index + 1 :])
        assert self.receive(side, message) == text
        if word == "open twice":
            assert self.refuses(side, message)
        return None


@settings(max_examples=examples(100))
@given(STEPS)
def test_an_answered_session_survives_any_schedule(steps: list[tuple[str, int, int]]) -> None:
    alice, bob, session = connect(ENGINE)
    run(Network((alice, bob), session), steps)
    assert all(len(party.sides[session].state) < 1024 for party in (alice, bob))


@settings(max_examples=examples(100))
@given(STEPS)
def test_a_session_that_just_began_survives_any_schedule(steps: list[tuple[str, int, int]]) -> None:
    alice, bob = Party(ENGINE), Party(ENGINE)
    session = alice.begin(bob)
    network = Network((alice, bob), session)
    network.send(0)
    network.step("open", 1, 0)
    run(network, steps)


def run(network: Network, steps: list[tuple[str, int, int]]) -> None:
    for step in steps:
        network.step(*step)
    for side in (0, 1):
        while network.underway[side]:
            network.step("open", side, 0)


@settings(max_examples=examples(300))
@given(st.binary(max_size=200), st.sampled_from([b"", b"\x01", b"\x02", b"\x02\x00\x10"]))
def test_any_bytes_as_a_message_give_one_named_error(junk: bytes, front: bytes) -> None:
    for attempt in (
        lambda: ratchet.decrypt(STATE, {}, front + junk),
        lambda: BOB.accept(ALICE, front + junk),
    ):
        try:
            attempt()
        except CryptoError:
            continue
        raise AssertionError("junk was opened")


@settings(max_examples=examples(300))
@given(st.binary(max_size=400))
def test_any_bytes_as_a_state_give_one_named_error(junk: bytes) -> None:
    for state in (junk, b"\x01" + junk, STATE[:-1] + junk[:1]):
        try:
            encrypted = ratchet.encrypt(state, b"text", lambda size: bytes(size))
            ratchet.decrypt(encrypted.state, {}, encrypted.message)
        except CryptoError:
            continue
        raise AssertionError("a message was opened with a junk state")


@settings(max_examples=examples(200))
@given(st.integers(0, 240), st.integers(0, 255))
def test_a_damaged_state_never_raises_anything_but_a_crypto_error(index: int, value: int) -> None:
    damaged = STATE[:index] + bytes([value]) + STATE[index + 1 :]
    message = ALICE.engine.encrypt(ALICE.sides[SESSION].state, b"text").message
    try:
        ratchet.decrypt(damaged, {}, message)
        ratchet.encrypt(damaged, b"text", lambda size: bytes(size))
    except CryptoError:
        return


ALICE, BOB, SESSION = connect(ENGINE)
STATE = BOB.sides[SESSION].state
