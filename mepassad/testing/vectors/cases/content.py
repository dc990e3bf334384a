"""Content: every kind, signed and padded, and what is refused."""

from __future__ import annotations

from typing import Any

from mepassad.api.crypto import DeviceKey
from mepassad.testing.vectors.book import Book
from mepassad.testing.vectors.drawn import draw
from mepassad.testing.vectors.ours import content as ours
from mepassad.testing.vectors.people import ANA, BIA, EVE, IDENTITY, NOW, WEAK, Person
from mepassad.wire.content import CONTENT_LABEL, HELLO, INVISIBLE, RECEIPT, TYPING, VERIFICATION, _signed
from mepassad.wire.content import TEXT as TEXT_KIND
from mepassad.wire.identity import sign_card, stamp_of, verify_devices
from mepassad.wire.ids import direct_conversation, unb64
from mepassad.wire.invites import verification_proof
from mepassad.wire.messages_pb2 import Content, Introduction, NodeHint, Receipts, Text, Typing, Verification
from mepassad.wire.padding import pad

TEXT = "content.md"


def cases(book: Book) -> None:
    """Everything that is published of this layer."""
    for case, content in _kinds().items():
        written = book.add(
            ours.write, case, device_seed=ANA.device.seed().hex(), recipient=BIA.key.hex(), content=content.hex()
        )
        _read(book, case, bytes.fromhex(written["plaintext"]))
    _refused(book)
    _names_of_nothing(book)
    _introductions(book)


def _content(kind: int, **others: Any) -> Content:
    """A content of Ana's to Bia."""
    return Content(
        id=bytes.fromhex("01974d6b0c007abc8def0123456789ab"),
        conversation=unb64(direct_conversation(ANA.key, BIA.key)),
        kind=kind,
        time_ms=NOW * 1000 + 250,
        ours=stamp_of(verify_devices(ANA.devices, ANA.key, None)),
        theirs=stamp_of(verify_devices(BIA.devices, BIA.key, None)),
        **others,
    )


def _seen(sender: Person, recipient: Person) -> Verification:
    """What says that the sender saw the recipient's code."""
    proof = verification_proof(draw("invite, secret", 16), sender.key, recipient.key)
    return Verification(invite=draw("invite, number", 32), proof=proof)


def _kinds() -> dict[str, bytes]:
    ids = [draw(f"message id {number}", 16) for number in range(3)]
    text = Text(text="Bom dia, Bia! \U0001f600")
    card = sign_card(ANA.device, ANA.name, "person", ANA.devices, NOW)
    hint = NodeHint(key=draw("Ana, node", 32), addresses=["/ip4/203.0.113.5/tcp/4001"])
    hello = Introduction(card=card, number=draw("Ana, number", 32), nodes=[hint])
    redeeming = Introduction()
    redeeming.CopyFrom(hello)
    redeeming.invite, redeeming.proof = draw("invite, number", 32), draw("proof", 32)
    both = Receipts(delivered=ids[:2], read=ids[2:])
    return {
        "text": _content(TEXT_KIND, text=text).SerializeToString(),
        "text, in reply to a message, with receipts": _content(
            TEXT_KIND, text=text, reply_to=ids[0], receipts=both
        ).SerializeToString(),
        "text of the next class": _content(TEXT_KIND, text=Text(text="x" * 200)).SerializeToString(),
        "hello": _content(HELLO, introduction=hello).SerializeToString(),
        "hello that redeems an invite": _content(HELLO, introduction=redeeming).SerializeToString(),
        "hello that names lost sessions": _content(HELLO, introduction=hello, lost=ids[:2]).SerializeToString(),
        "receipts": _content(RECEIPT, receipts=both).SerializeToString(),
        "typing": _content(TYPING, typing=Typing(active=True)).SerializeToString(),
        "typing no more": _content(TYPING, typing=Typing()).SerializeToString(),
        "verification": _content(VERIFICATION, verification=_seen(ANA, BIA)).SerializeToString(),
        "verification with receipts": _content(
            VERIFICATION, verification=_seen(ANA, BIA), receipts=both
        ).SerializeToString(),
        "a message of a kind that is unknown": _content(INVISIBLE - 1, text=text).SerializeToString(),
        "an invisible kind that is unknown": _content(2**32 - 1).SerializeToString(),
    }


def _read(
    book: Book, case: str, plaintext: bytes, sender: bytes = ANA.device.public, recipient: bytes = BIA.key
) -> None:
    book.add(ours.read, case, plaintext=plaintext.hex(), sender=sender.hex(), recipient=recipient.hex())


def _plaintext(raw: bytes, device: DeviceKey = ANA.device) -> bytes:
    return pad(device.private.sign(_signed(device.public, BIA.key, raw)) + raw)


def _refused(book: Book) -> None:
    content = _content(TEXT_KIND, text=Text(text="Bom dia"))
    raw = content.SerializeToString()
    good = _plaintext(raw)
    _read(book, "padded to no class", good.rstrip(b"\0"))
    _read(book, "fields out of order, one of them twice", _plaintext(Content(kind=1).SerializeToString() + raw))
    _read(book, "an unknown field", _plaintext(raw + b"\xf8\x01\x07"))
    _read(book, "from another device than the packet says", good, sender=EVE.device.public)
    _read(book, "to another account", good, recipient=EVE.key)
    _read(book, "altered", good.replace(b"Bom", b"Mau"))
    _read(book, "signed by another device", _plaintext(raw, EVE.device))
    _read(
        book,
        "signed without the label",
        pad(ANA.device.private.sign(_signed(ANA.device.public, BIA.key, raw)[len(CONTENT_LABEL) :]) + raw),
    )
    _read(book, "signed by nobody, under a device key of low order", pad(WEAK + raw), sender=IDENTITY)
    _read(book, "not padded", good[:64] + raw)
    _read(book, "a signature and nothing else", _plaintext(b""))
    _read(book, "shorter than a signature", pad(good[:63]))
    _read(book, "no protobuf", _plaintext(b"\xff"))
    for case, changed in {
        "an id of 15 bytes": {"id": bytes(15)},
        "no id": {"id": b""},
        "a conversation of 17 bytes": {"conversation": bytes(17)},
        "in reply to 15 bytes": {"reply_to": bytes(15)},
    }.items():
        wrong = Content()
        wrong.CopyFrom(content)
        for field, value in changed.items():
            setattr(wrong, field, value)
        _read(book, case, _plaintext(wrong.SerializeToString()))
    _read(book, "a text that is not UTF-8", _plaintext(raw[:-9] + b"\x82\x01\x03\x0a\x01\xff"))
    _read(
        book,
        "a stamp whose hash has 15 bytes, which is that of no list",
        _plaintext(raw + b"\x32\x11\x12\x0f" + bytes(15)),
    )


def _names_of_nothing(book: Book) -> None:
    sessions = [draw(f"session {number}", 16) for number in range(9)]
    seen, short = _seen(ANA, BIA), draw("invite, number", 31)
    for case, content in {
        "nine lost sessions, of which the ninth is not looked at": _content(HELLO, lost=sessions),
        "a lost session named with 15 bytes, which is none": _content(HELLO, lost=[sessions[0][:15]]),
        "lost sessions in a message": _content(TEXT_KIND, text=Text(text="Bom dia"), lost=sessions[:1]),
        "a verification of nothing": _content(VERIFICATION, verification=Verification()),
        "a verification without a body": _content(VERIFICATION),
        "a verification whose number has 31 bytes, which is of no code": _content(
            VERIFICATION, verification=Verification(invite=short, proof=seen.proof)
        ),
        "a verification whose proof has 31 bytes, which proves nothing": _content(
            VERIFICATION, verification=Verification(invite=seen.invite, proof=seen.proof[:31])
        ),
        "a verification in a text, which has no use for it": _content(TEXT_KIND, verification=seen),
    }.items():
        _read(book, case, _plaintext(content.SerializeToString()))
    both = _content(VERIFICATION, text=Text(text="Bom dia")).SerializeToString()
    _read(
        book,
        "a text and a verification: the last counts",
        _plaintext(both + Content(verification=seen).SerializeToString()),
    )


def _introductions(book: Book) -> None:
    card = sign_card(ANA.device, ANA.name, "person", ANA.devices, NOW)
    address = "/ip4/203.0.113.5/tcp/4001"
    directory: dict[str, Any] = {"directory_number": bytes(32), "reunion_key": bytes(range(32))}
    nodes = [NodeHint(key=draw(f"node {number}", 32), addresses=[address]) for number in range(5)]
    parts: dict[str, Any] = {"card": card, "number": draw("Ana, number", 32)}

    def read(case: str, device: DeviceKey = ANA.device, **changed: Any) -> None:
        raw = Introduction(**parts | changed).SerializeToString()
        book.add(ours.introduction, case, introduction=raw.hex(), device=device.public.hex(), now=NOW)

    read("without nodes")
    read("4 nodes are read", nodes=nodes)
    read("a fifth node is not looked at", nodes=[*nodes[:4], NodeHint(key=b"short")])
    read("8 addresses are looked at", nodes=[NodeHint(key=nodes[0].key, addresses=["", "x" * 257] + [address] * 7)])
    read("an address of 256 characters", nodes=[NodeHint(key=nodes[0].key, addresses=["\u00e9" * 256])])
    read("of two hints of one node, the last counts", nodes=[nodes[0], NodeHint(key=nodes[0].key)])
    read("a node with a key of 31 bytes", nodes=[NodeHint(key=bytes(31))])
    read("a directory number and key", **directory)
    read("a directory number alone", directory_number=bytes(32))
    read("a reunion key of 31 bytes", **directory | {"reunion_key": bytes(31)})
    read("no number", number=b"")
    read("a number of 31 bytes", number=bytes(31))
    read("without a card", card=None)
    read("from a device that is not on the list", device=EVE.device)
