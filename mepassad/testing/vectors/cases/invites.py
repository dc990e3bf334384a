"""Invites: links in both forms, codes, what is refused of them, and the proofs that redeem and verify."""

from __future__ import annotations

from typing import Any

from mepassad.testing.vectors.book import Book, Fields
from mepassad.testing.vectors.drawn import draw
from mepassad.testing.vectors.ours import invites as ours
from mepassad.testing.vectors.people import ANA, BIA, EVE, NOW
from mepassad.wire.ids import b64, unb64
from mepassad.wire.invites import MAX_BYTES, MAX_LINK, _checksum
from mepassad.wire.messages_pb2 import Invite, NodeHint

TEXT = "invites.md"
SCHEME, CODE = "mepassa:i/1/", "mepassa:v/1/"
SECRET, NUMBER, NODE = draw("invite, secret", 16), draw("invite, number", 32), draw("Ana, node", 32)


def cases(book: Book) -> None:
    """Everything that is published of this layer."""
    link = _written(book)
    _forms(book, link)
    _bodies(book, unb64(link.removeprefix(SCHEME)))
    _codes(book, link)
    _redeeming(book)
    _verifying(book)


def _written(book: Book) -> str:
    parts = {"account": ANA.key.hex(), "secret": SECRET.hex(), "number": NUMBER.hex()}
    address = "/ip4/203.0.113.5/tcp/4001"
    nodes = [{"key": NODE.hex(), "addresses": [address, "/ip6/2001:db8::1/tcp/4001", "/ip4/192.168.1.7/tcp/4001"]}]
    found = book.add(
        ours.write, "one node; an address is left out, because the link would grow too long",
        **parts, expires_at=NOW, nodes=nodes,
    )  # fmt: skip
    book.add(ours.write, "no node", **parts, expires_at=NOW, nodes=[])
    book.add(ours.write, "the expiry is rounded up", **parts, expires_at=NOW + 1, nodes=[])
    exact = [{"key": NODE.hex(), "addresses": ["x" * 88]}]
    book.add(ours.write, "an address that just fits", **parts, expires_at=NOW, nodes=exact)
    over = [{"key": NODE.hex(), "addresses": ["x" * 89]}]
    book.add(ours.write, "an address that just does not", **parts, expires_at=NOW, nodes=over)
    box = [{"key": draw("Ana, mailbox", 32).hex(), "addresses": ["/ip4/192.0.2.1/tcp/4001", "/ip6/2001:db8::2/tcp/1"]}]
    near = [{"key": NODE.hex(), "addresses": ["/ip4/192.0.2.9/tcp/4001"]}]
    book.add(
        ours.write, "a mailbox, then a node, then more addresses of mailboxes, for which there is no room",
        **parts, expires_at=NOW, nodes=near, mailboxes=box,
    )  # fmt: skip
    nodes.append({"key": draw("Ana, another node", 32).hex(), "addresses": [address]})
    book.add(ours.write, "two nodes; the second is left out", **parts, expires_at=NOW, nodes=nodes)
    return str(found["link"])


def _forms(book: Book, link: str) -> None:
    data = link.removeprefix(SCHEME)
    forms = {
        "a link": link,
        "in a web address": f"https://example.org/join?lang=pt#i/1/{data}",
        "white space around": f" \n\u00a0{link}\t",
        "as long as is looked at": f"https://{'x' * (MAX_LINK - len(data) - 13)}#i/1/{data}",
        "one character longer": f"https://{'x' * (MAX_LINK - len(data) - 12)}#i/1/{data}",
        "not https": f"http://example.org/#i/1/{data}",
        "without a fragment": f"https://example.org/i/1/{data}",
        "a second number sign": f"https://example.org/#x#i/1/{data}",
        "without a scheme": f"i/1/{data}",
        "the scheme in upper case": f"MEPASSA:i/1/{data}",
        "another kind": f"mepassa:g/1/{data}",
        "another version": f"mepassa:i/2/{data}",
        "another version, and nothing else": "mepassa:i/10",
        "a version with a zero in front": f"mepassa:i/01/{data}",
        "a version that is no number": f"mepassa:i/one/{data}",
        "digits that are not ASCII": f"mepassa:i/\u0967/{data}",
        "no version": "mepassa:i",
        "a character changed": link[:-9] + ("A" if link[-9] != "A" else "B") + link[-8:],
        "a character lost": link[:-1],
        "padding": f"{link}=",
        "white space inside": f"{link[:40]} {link[40:]}",
        "nothing": "",
    }
    for case, text in forms.items():
        book.add(ours.read, case, link=text)


def _codes(book: Book, link: str) -> None:
    parts = {"account": ANA.key.hex(), "secret": SECRET.hex(), "number": NUMBER.hex()}
    nodes = [{"key": NODE.hex(), "addresses": ["/ip4/203.0.113.5/tcp/4001"]}]
    found = book.add(ours.write, "a code", **parts, expires_at=NOW + 300, nodes=nodes, in_person=True)
    code = str(found["link"])
    data, its_data = code.removeprefix(CODE), link.removeprefix(SCHEME)
    body, its_body = unb64(data)[:-4], unb64(its_data)[:-4]
    for case, text in {
        "a code": code,
        "a code with white space around": f"\n{code} ",
        "a code has no form as a web address": f"https://example.org/#v/1/{data}",
        "nor has one of another version": f"https://example.org/#v/2/{data}",
        "a code of another version": "mepassa:v/2",
        "a code in upper case": f"mepassa:V/1/{data}",
        "a code that calls itself a link": SCHEME + data,
        "a link that calls itself a code": CODE + its_data,
        "a code made a link, with a checksum that fits: its maker tells, by the proof": SCHEME
        + b64(body + _checksum(body, in_person=False)),
        "a link made a code, with a checksum that fits: its maker tells, by the proof": CODE
        + b64(its_body + _checksum(its_body, in_person=True)),
    }.items():
        book.add(ours.read, case, link=text)


def _row(**changed: Any) -> Fields:
    row = {"secret": SECRET.hex(), "uses_left": 1, "created_at": NOW - 60, "expires_at": NOW + 240, "in_person": False}
    return row | changed


def _redeeming(book: Book) -> None:
    transcript = draw("transcript", 32).hex()
    shown = {"secret": SECRET.hex(), "transcript": transcript}
    link = book.add(ours.proof, "a proof", **shown, in_person=False)["proof"]
    code = book.add(ours.proof, "a proof of a code", **shown, in_person=True)["proof"]
    made, late = {"in_person": True}, NOW + 240

    def redeem(case: str, row: Fields, proof: str, transcript: str = transcript, now: int = NOW) -> None:
        book.add(ours.redeem, case, invite=row, transcript=transcript, shown=proof, now=now)

    redeem("a link", _row(), link)
    redeem("a code", _row(**made), code)
    redeem("a link that the guest took for a code", _row(), code)
    redeem("a code that the guest took for a link", _row(**made), link)
    redeem("in another handshake", _row(), link, draw("another transcript", 32).hex())
    redeem("a proof cut short", _row(), link[:-2])
    redeem("no proof", _row(), "")
    redeem("a secret that is another's", _row(secret=draw("another secret", 16).hex()), link)
    redeem("in the last second", _row(), link, now=NOW + 239)
    redeem("expired, to the second", _row(), link, now=late)
    redeem("used", _row(uses_left=0), link)
    redeem("used and expired", _row(uses_left=0), link, now=late)
    redeem("used and expired, and a wrong proof", _row(uses_left=0), code, now=late)
    redeem("a code from the future: the clock was set back", _row(**made, created_at=NOW + 1), code)
    redeem("a link from the future", _row(created_at=NOW + 1), link)


def _verifying(book: Book) -> None:
    ana, bia, eve = (person.key.hex() for person in (ANA, BIA, EVE))
    good = book.add(
        ours.verification_proof, "Bia saw Ana's code", secret=SECRET.hex(), sender=bia, recipient=ana
    )["proof"]  # fmt: skip
    back = book.add(
        ours.verification_proof, "Ana confirms it", secret=SECRET.hex(), sender=ana, recipient=bia
    )["proof"]  # fmt: skip
    redeeming = ours.proof(SECRET.hex(), draw("transcript", 32).hex(), True)["proof"]

    def verify(case: str, row: Fields, proof: str = good, sender: str = bia, now: int = NOW) -> None:
        book.add(ours.verify, case, invite=row, sender=sender, recipient=ana, shown=proof, now=now)

    code = _row(in_person=True)
    verify("a code", code)
    verify("a link verifies nobody, whatever is proven", _row())
    verify("the accounts the other way round", code, back)
    verify("another contact shows the same proof", code, sender=eve)
    verify("the proof that redeems it", code, redeeming)
    verify("a secret that is another's", code | {"secret": draw("another secret", 16).hex()})
    verify("no proof", code, "")
    verify("in the last second", code, now=NOW + 239)
    verify("expired, to the second", code, now=NOW + 240)
    verify("used", code | {"uses_left": 0})
    verify("from the future: the clock was set back", code | {"created_at": NOW + 1})


def _bodies(book: Book, whole: bytes) -> None:
    def read(case: str, body: bytes) -> None:
        book.add(ours.read, case, link=SCHEME + b64(body + _checksum(body, in_person=False)))

    good: dict[str, Any] = {"account": ANA.key, "secret": SECRET, "number": NUMBER, "expires_at": 500_000}
    hint = NodeHint(key=NODE, addresses=["/ip4/203.0.113.5/tcp/4001"])
    again = NodeHint(key=NODE, addresses=["/ip4/203.0.113.6/tcp/4001"])
    read("the last hour there is", Invite(**good | {"expires_at": 2**32 - 1}).SerializeToString())
    read("the expiry of no invite", Invite(**good | {"expires_at": 0}).SerializeToString())
    read("an unknown field", b"\xf8\x01\x07" + Invite(**good).SerializeToString())
    read("two hints of one node", Invite(**good, hints=[hint, again]).SerializeToString())
    roles = [NodeHint(key=NODE, addresses=["/ip4/203.0.113.7/tcp/4001"], roles=bits) for bits in (5, 2)]
    read("a node and a mailbox with the same key", Invite(**good, hints=[hint, roles[0]]).SerializeToString())
    read("a relay is neither", Invite(**good, hints=[roles[1]]).SerializeToString())
    read("a hint without addresses", Invite(**good, hints=[NodeHint(key=NODE)]).SerializeToString())
    read("a hint with a key of 31 bytes", Invite(**good, hints=[NodeHint(key=NODE[:31])]).SerializeToString())
    read("an account of 31 bytes", Invite(**good | {"account": ANA.key[:31]}).SerializeToString())
    read("a secret of 17 bytes", Invite(**good | {"secret": SECRET + b"\0"}).SerializeToString())
    read("no number", Invite(**good | {"number": b""}).SerializeToString())
    read("an address that is not UTF-8", Invite(**good).SerializeToString() + b"\x2a\x03\x12\x01\xff")
    read("no protobuf", b"\xff")
    room = MAX_BYTES - 4 - len(Invite(**good).SerializeToString()) - 4
    for case, size in {"220 bytes": room, "221 bytes": room + 1}.items():
        padded = Invite(**good).SerializeToString() + b"\xfa\x01" + bytes([size & 0x7F | 0x80, size >> 7]) + bytes(size)
        read(case, padded)
    book.add(ours.read, "a wrong checksum", link=SCHEME + b64(whole[:-1] + bytes([whole[-1] ^ 1])))
    book.add(ours.read, "three bytes", link=SCHEME + b64(whole[:3]))
