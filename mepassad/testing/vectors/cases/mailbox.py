"""The mailbox: what its owners sign, what a node reads and refuses, when things expire, the proof of a pass."""

from __future__ import annotations

from mepassad.testing.vectors.book import Book
from mepassad.testing.vectors.drawn import draw
from mepassad.testing.vectors.ours import mailbox as ours
from mepassad.testing.vectors.people import IDENTITY, NOW, WEAK
from mepassad.wire.messages_pb2 import (
    MailboxAck,
    MailboxClose,
    MailboxFetch,
    MailboxOpen,
    MailboxOwner,
    MailboxPublish,
    MailboxPut,
    MailboxRequest,
    MailboxTake,
    MailboxWatch,
)

TEXT = "mailbox.md"
NODE, CLIENT = draw("mailbox, node", 32), draw("mailbox, client", 32)
CHALLENGE = draw("mailbox, challenge", 32)
BOXES = [draw(f"mailbox, box {number}", 32) for number in range(2)]
IDS = [draw(f"mailbox, envelope {number}", 32) for number in range(2)]
MANY = [MailboxOwner(), MailboxOwner()]

REQUESTS = {
    "open": MailboxRequest(id=1, open=MailboxOpen(boxes=MANY)),
    "close": MailboxRequest(id=2, close=MailboxClose(box=MailboxOwner())),
    "fetch from the beginning": MailboxRequest(id=3, fetch=MailboxFetch(box=MailboxOwner(), limit=256)),
    "fetch after a cursor": MailboxRequest(
        id=2**40, fetch=MailboxFetch(box=MailboxOwner(), after=2**63, limit=2**32 - 1)
    ),
    "watch": MailboxRequest(id=5, watch=MailboxWatch(boxes=MANY[:1])),
    "ack": MailboxRequest(id=6, ack=MailboxAck(box=MailboxOwner(), ids=IDS)),
    "ack of nothing": MailboxRequest(id=7, ack=MailboxAck(box=MailboxOwner())),
    "publish": MailboxRequest(
        id=8, publish=MailboxPublish(box=MailboxOwner(), one_time=[b"one", b"two"], last_resort=b"last", replace=True)
    ),
    "publish, the last resort of before stays": MailboxRequest(
        id=9, publish=MailboxPublish(box=MailboxOwner(), one_time=[b"three"])
    ),
}


def cases(book: Book) -> None:
    """Everything that is published of this layer."""
    made = {case: _write(book, case, request) for case, request in REQUESTS.items()}
    for case, request in made.items():
        _read(book, case, request, request.id - 1)
    _unsigned(book)
    _refused(book, made)
    for case, now, hours in (
        ("the hour that has begun counts", NOW + 1, 1),
        ("a full hour", NOW, 1),
        ("none is one", NOW, 0),
        ("the longest", NOW + 3599, 336),
        ("longer than the longest", NOW + 3599, 337),
    ):
        book.add(ours.expires, case, now=now, hours=hours, max_hours=336)
    book.add(
        ours.pass_proof, "a pass", password=b"0123456789abcdef".hex(), node=NODE.hex(), client=CLIENT.hex(),
        challenge=CHALLENGE.hex(),
    )  # fmt: skip


def _write(book: Book, case: str, request: MailboxRequest) -> MailboxRequest:
    out = book.add(
        ours.request_write, case, node=NODE.hex(), challenge=CHALLENGE.hex(), request=request.SerializeToString().hex(),
        seeds=[seed.hex() for seed in BOXES],
    )  # fmt: skip
    return MailboxRequest.FromString(bytes.fromhex(out["request"]))


def _read(
    book: Book, case: str, request: MailboxRequest, last: int, node: bytes = NODE, challenge: bytes = CHALLENGE
) -> None:
    raw = request.SerializeToString().hex()
    book.add(ours.request_read, case, node=node.hex(), challenge=challenge.hex(), last=last, request=raw)


def _unsigned(book: Book) -> None:
    put = MailboxPut(numbers=[bytes(32), b"short"], sealed=b"anything", hours=24)
    _read(book, "put is not signed", MailboxRequest(id=1, put=put), 0)
    _read(book, "take is not signed", MailboxRequest(id=1, take=MailboxTake(number=bytes(32))), 0)
    _read(book, "no operation, or an unknown one", MailboxRequest(id=1), 0)


def _refused(book: Book, made: dict[str, MailboxRequest]) -> None:
    fetch, opening = made["fetch from the beginning"], made["open"]
    _read(book, "an id that comes again", fetch, 3)
    _read(book, "an id that is left out", fetch, 1)
    _read(book, "another node", fetch, 2, node=CLIENT)
    _read(book, "another challenge", fetch, 2, challenge=NODE)
    for case, change in {
        "another cursor": MailboxFetch(after=1),
        "another limit": MailboxFetch(limit=255),
        "another number": MailboxFetch(box=MailboxOwner(number=opening.open.boxes[1].number)),
        "a number of 31 bytes": MailboxFetch(box=MailboxOwner(number=opening.open.boxes[0].number[:31])),
        "a number of low order": MailboxFetch(box=MailboxOwner(number=IDENTITY, signature=WEAK)),
    }.items():
        changed = MailboxRequest.FromString(fetch.SerializeToString())
        changed.fetch.MergeFrom(change)
        _read(book, case, changed, 2)
    watching = MailboxRequest(id=1, watch=MailboxWatch(boxes=opening.open.boxes))
    _read(book, "a signature for another operation", watching, 0)
    forged = MailboxRequest.FromString(opening.SerializeToString())
    forged.open.boxes[1].signature = opening.open.boxes[0].signature
    _read(book, "one signature of two is wrong", forged, 0)
    raw = opening.SerializeToString()[:-1].hex()
    book.add(ours.request_read, "cut off", node=NODE.hex(), challenge=CHALLENGE.hex(), last=0, request=raw)
