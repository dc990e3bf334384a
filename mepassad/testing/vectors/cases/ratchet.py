"""Ratchet: the derivations, a conversation step by step, its limits, and what is refused."""

from __future__ import annotations

from mepassad.builtin.crypto_signal import keys, ratchet
from mepassad.builtin.crypto_signal.ratchet import MAX_COUNTER, MAX_GAP, MAX_SKIPPED, State
from mepassad.testing.vectors.book import Book
from mepassad.testing.vectors.drawn import draw
from mepassad.testing.vectors.ours import ratchet as ours
from mepassad.testing.vectors.scene import SIGNED, initiated

TEXT = "ratchet.md"
HANDSHAKE = "with both one-time keys"


class Side:
    """One party of the conversation: its state, its table of missing messages, and the keys that it draws."""

    def __init__(self, book: Book, name: str, state: bytes) -> None:
        self.book, self.name, self.state = book, name, state
        self.kept: dict[str, str] = {}
        self.turns = 0

    def send(self, case: str, text: bytes) -> bytes:
        private = None
        if State.unpack(self.state).sending == bytes(32):
            self.turns += 1
            private = draw(f"{self.name}, ratchet key {self.turns}", 32).hex()
        done = self.book.add(ours.encrypt, case, state=self.state.hex(), plaintext=text.hex(), private=private)
        self.state = bytes.fromhex(done["state"])
        return bytes.fromhex(done["message"])

    def receive(self, case: str, message: bytes) -> None:
        kept = [[reference, key] for reference, key in self.kept.items()]
        done = self.book.add(ours.decrypt, case, state=self.state.hex(), kept=kept, message=message.hex())
        if done:
            self.state = bytes.fromhex(done["state"])
            self.kept.update(done["missing"])
            for reference in done["dropped"]:
                del self.kept[reference]


def cases(book: Book) -> None:
    """Everything that is published of this layer."""
    _derivations(book)
    ana, bia = Side(book, "Ana", initiated(book.drawn, HANDSHAKE)), Side(book, "Bia", _responder(book))
    _conversation(ana, bia)
    _gaps(book, ana, bia)
    _ends(book, ana)
    _too_early(ana, bia)


def _responder(book: Book) -> bytes:
    """Bia's state before Ana's first message."""
    begun, private = State.unpack(initiated(book.drawn, HANDSHAKE)), bytes.fromhex(SIGNED["secret"])
    return ratchet.begin_receiving(begun.root, private, keys.x25519_public(private), begun.ad)


def _derivations(book: Book) -> None:
    private, public = draw("a ratchet key", 32), keys.x25519_public(draw("another ratchet key", 32))
    root = draw("a root key", 32)
    chain = book.add(ours.turn, "a turn", root_key=root.hex(), private=private.hex(), public=public.hex())["chain_key"]
    for case, low in {
        "0": 0,
        "1": 1,
        "2^255 - 20": 2**255 - 20,
        "2^255 - 19": 2**255 - 19,
        "2^255 - 18": 2**255 - 18,
    }.items():
        key = low.to_bytes(32, "little").hex()
        book.add(ours.turn, f"a key of low order: {case}", root_key=root.hex(), private=private.hex(), public=key)
    message_key = book.add(ours.step, "a step", chain_key=chain)["message_key"]
    for case, plaintext, ad in (("a text", b"bom dia", b"ad"), ("nothing", b"", b"")):
        book.add(ours.cipher, case, message_key=message_key, plaintext=plaintext.hex(), ad=ad.hex())


def _conversation(ana: Side, bia: Side) -> None:
    ana0 = ana.send("Ana's first: she turns her sending chain", b"bom dia")
    ana1, ana2, ana3 = (
        ana.send(f"Ana's {word}, with the front again", word.encode()) for word in ("2nd", "3rd", "4th")
    )
    bia.receive("Ana's first: Bia turns her receiving chain", ana0)
    bia.receive("Ana's third: the second is missing", ana2)
    _refused_at(bia, ana2, ana3)
    bia0 = bia.send("Bia's first: she turns her sending chain", b"bom dia, Ana")
    bia1 = bia.send("Bia's second", b"tudo bem?")
    ana.receive("Bia's second, the first one that Ana hears: no front any more, the first is missing", bia1)
    ana4 = ana.send("Ana's fifth: she turns, and the chain before had four", b"tudo, e tu?")
    bia.receive("Ana's fifth: Bia turns, the fourth is missing at the end of the chain before", ana4)
    bia.receive("Ana's sixth, nothing is missing before it", ana.send("Ana's sixth", b"e mais"))
    bia.receive("Ana's second, with a key that was kept", ana1)
    bia.receive("Ana's fourth, with a key that was kept", ana3)
    bia.receive("Ana's second again: its chain is over, and it looks like a turn", ana1)
    ana.receive("Bia's first, with a key that was kept", bia0)
    bia2 = bia.send("Bia's third: she turns again", b"")
    ana.receive("Bia's third: Ana turns", bia2)
    ana.receive("Bia's third again", bia2)


def _refused_at(bia: Side, opened: bytes, message: bytes) -> None:
    """Variations of a message to Bia that she could open, and one that she did open."""
    start = ratchet.split(message)[1]
    bia.receive("the third again", opened)
    for case, wrong in {
        "altered": message[:-1] + bytes([message[-1] ^ 1]),
        "another counter": message[: start + 37] + (7).to_bytes(4, "big") + message[start + 41 :],
        "another length of the chain before": message[: start + 33] + (1).to_bytes(4, "big") + message[start + 37 :],
        "another ratchet key": message[: start + 1]
        + keys.x25519_public(draw("a ratchet key", 32))
        + message[start + 33 :],
        "a ratchet key of low order": message[: start + 1] + bytes(32) + message[start + 33 :],
        "without its front": message[start:],
        "with another front": b"\2\0\1x" + message[start:],
        "a header of another version": message[:start] + b"\2" + message[start + 1 :],
        "a byte too short": message[: start + 56],
        "a front of 4097 bytes": b"\2\x10\x01" + bytes(4097) + message[start:],
        "nothing": b"",
    }.items():
        bia.receive(f"the fourth: {case}", wrong)
    kept = message[: start + 37] + (1).to_bytes(4, "big") + message[start + 41 :]
    bia.receive("the fourth, as if it were the second, whose key is kept: it stays", kept)


def _many(state: bytes, count: int, name: str) -> tuple[bytes, bytes]:
    """The state after so many messages, and the last of them."""
    message = b""
    for _ in range(count):
        state, message = ratchet.encrypt(state, b"", lambda size: draw(name, size))
    return state, message


def _after_many(book: Book, case: str, state: bytes, message: bytes, kept: int = 0) -> None:
    book.add(ours.decrypt_after_many, case, state=state.hex(), kept=kept, message=message.hex())


def _gaps(book: Book, ana: Side, bia: Side) -> None:
    """Ana has not spoken since Bia's third, so her next message turns."""
    later, last = _many(ana.state, MAX_GAP + 1, "Ana, ratchet key of many")
    _after_many(book, f"{MAX_GAP} are missing", bia.state, last)
    _after_many(book, f"{MAX_GAP + 1} are missing", bia.state, _many(later, 1, "")[1])
    _after_many(book, f"{MAX_SKIPPED - MAX_GAP} were kept: the table is full", bia.state, last, MAX_SKIPPED - MAX_GAP)
    _after_many(
        book, f"{MAX_SKIPPED - MAX_GAP + 3} were kept: the oldest go", bia.state, last, MAX_SKIPPED - MAX_GAP + 3
    )
    _, first = _many(ana.state, 1, "Ana, ratchet key of many")
    heard = ratchet.decrypt(bia.state, {}, first).state
    answering, answer = _many(heard, 1, "Bia, ratchet key of many")
    for case, count in {"are": MAX_GAP + 1, "and one more are": MAX_GAP + 2}.items():
        spoken = _many(ana.state, count, "Ana, ratchet key of many")[0]
        turned = ratchet.decrypt(spoken, {}, answer).state
        name = f"{MAX_GAP} {case} missing at the end of the chain before"
        _after_many(book, name, answering, _many(turned, 1, "Ana, ratchet key after many")[1])
        if count == MAX_GAP + 1:
            both = _many(turned, MAX_GAP + 1, "Ana, ratchet key after many")[1]
            _after_many(book, f"{MAX_GAP} are missing of each of two chains", answering, both, 5)


def _ends(book: Book, ana: Side) -> None:
    own = State.unpack(_many(ana.state, 1, "Ana, ratchet key of many")[0])
    for case, own.sent in {"the last message of a chain": MAX_COUNTER, "one more than that": MAX_COUNTER + 1}.items():
        book.add(ours.encrypt, case, state=own.pack().hex(), plaintext="", private=None)


def _too_early(ana: Side, bia: Side) -> None:
    """Bia turns again, though Ana has said nothing since: it would open if that were not refused."""
    again = State.unpack(bia.state)
    again.sending, again.sent, again.previous = bytes(32), 0, again.sent
    _, message = ratchet.encrypt(again.pack(), b"", lambda size: draw("Bia, ratchet key too early", size))
    ana.receive("a peer that changes its key before it can have heard ours", message)
