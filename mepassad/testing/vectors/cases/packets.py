"""Packets: frames on a stream, packets in them, and the exchange of prekeys."""

from __future__ import annotations

from typing import Any

from mepassad.testing.vectors.book import Book
from mepassad.testing.vectors.drawn import draw
from mepassad.testing.vectors.ours import packets as ours
from mepassad.testing.vectors.people import ANA, BIA, DAY, EVE, NOW, Person
from mepassad.wire.identity import agree, sign_devices
from mepassad.wire.messages_pb2 import DeviceBundle, Packet, PrekeyReply, PrekeyRequest, SealKey, SignedDeviceList
from mepassad.wire.packets import Reason
from mepassad.wire.seal import sign_seal_key

TEXT = "packets.md"
SESSION, MESSAGE = draw("session", 16), draw("message", 60)


def cases(book: Book) -> None:
    """Everything that is published of this layer."""
    _framing(book)
    packet = _packets(book)
    _frames(book, packet)
    _prekeys(book)


def _framing(book: Book) -> None:
    for size in (0, 1, 127, 128, 16_383, 16_384):
        book.add(ours.length, f"{size} bytes", size=size)
    for case, chunks, limit in [
        ("two frames at once", ["0201020103"], 4),
        ("a frame in pieces, its length too", ["81", "00", "01"], 4),
        ("an unfinished one is kept", ["02010203", "04"], 4),
        ("empty frames", ["0000"], 4),
        ("frames of 300 bytes", [("ac02" + "07" * 300) * 2], 300),
        ("a length that is longer than it need be", ["8180808000ff"], 4),
        ("as long as the limit", ["0401020304"], 4),
        ("longer than the limit: known from its length alone", ["05"], 4),
        ("a length of 5 bytes above the limit", ["ffffffff7f"], 2**32),
        ("a length that does not end in 5 bytes", ["8080808080"], 4),
        ("4 bytes of a length", ["80808080"], 4),
        ("a good frame and a bad one", ["0101", "ffffffffff"], 4),
    ]:
        book.add(ours.split, case, chunks=chunks, limit=limit)


def _packets(book: Book) -> str:
    ana, bia = ANA.device.public, BIA.device.public
    written = book.add(
        ours.packet_write,
        "a packet",
        sender=ana.hex(),
        recipient=bia.hex(),
        session=SESSION.hex(),
        message=MESSAGE.hex(),
    )["packet"]
    good: dict[str, Any] = {"sender": ana, "recipient": bia, "session": SESSION, "message": MESSAGE}

    def read(case: str, **changed: bytes) -> None:
        book.add(ours.packet_read, case, packet=Packet(**good | changed).SerializeToString().hex())

    read("a packet")
    read("a message of one byte", message=b"\0")
    read("no message", message=b"")
    read("a sender of 31 bytes", sender=ana[:31])
    read("a recipient of 33 bytes", recipient=bia + b"\0")
    read("a session of 15 bytes", session=SESSION[:15])
    book.add(ours.packet_read, "an unknown field: it counts for the id", packet=written + "f80107")
    book.add(ours.packet_read, "cut off", packet=written[:-2])
    book.add(ours.packet_read, "nothing", packet="")
    return str(written)


def _frames(book: Book, packet: str) -> None:
    ids = [draw(f"packet id {number}", 32).hex() for number in range(3)]
    refusals = [
        {"packet": ids[2], "reason": Reason.BUSY.value},
        {"packet": ids[0], "reason": Reason.INVITE_UNKNOWN.value},
    ]
    full = book.add(
        ours.frame_write, "packets, acks and refusals", packets=[packet, packet], acks=ids[:2], refusals=refusals
    )["frame"]
    book.add(ours.frame_write, "nothing", packets=[], acks=[], refusals=[])
    every = [{"packet": ids[0], "reason": reason.value} for reason in Reason]
    book.add(ours.frame_write, "every reason", packets=[], acks=[], refusals=every)
    for case, frame in {
        "packets, acks and refusals": full,
        "nothing": "",
        "what is no packet is not looked at here": "0a01ff",
        "an ack of 31 bytes": "121f" + ids[0][:62],
        "a refusal of a packet id of 31 bytes, which is that of no packet": "1a230a1f" + ids[0][:62] + "1001",
        "an unknown reason": "1a0310e807",
        "no protobuf": "ff",
    }.items():
        book.add(ours.frame_read, case, frame=frame)


def _prekeys(book: Book) -> None:
    number = draw("invite, number", 32)
    seal_key = SealKey(id=-7, created_at=-1, public=b"p", signature=b"s")
    bundles = [DeviceBundle(device=BIA.device.public, bundle=b"bundle", seal_key=seal_key), DeviceBundle(device=b"d")]
    devices = SignedDeviceList.FromString(BIA.devices)
    for case, request in {
        "a request": PrekeyRequest(number=number),
        "without one-time keys": PrekeyRequest(number=number, last_resort=True),
    }.items():
        book.add(ours.prekey_request_read, case, request=request.SerializeToString().hex())
    for case, raw in {
        "any number but 0 is true": "1080808080808080808001",
        "0 is false": "1000",
        "no protobuf": "ff",
    }.items():
        book.add(ours.prekey_request_read, case, request=raw)
    for case, reply in {
        "bundles of two devices; their bytes are looked at by other layers": PrekeyReply(
            devices=devices, bundles=bundles
        ),
        "a refusal": PrekeyReply(refusal=Reason.INVITE_EXPIRED),
    }.items():
        book.add(ours.prekey_reply_read, case, reply=reply.SerializeToString().hex())
    book.add(ours.prekey_reply_read, "no protobuf", reply="ff")
    _checked(book)


def _checked(book: Book) -> None:
    bia, eve = (SignedDeviceList.FromString(person.devices) for person in (BIA, EVE))
    entries = [agree(person.device, BIA.key, "", NOW) for person in (BIA, EVE)]
    later = sign_devices(BIA.account, entries, NOW, NOW, [ANA.device.public])
    both = SignedDeviceList.FromString(later)

    def bundle(person: Person, signer: Person | None = None, age: int = 0) -> DeviceBundle:
        public = draw(f"{person.name}, seal key in a reply", 32)
        key = sign_seal_key((signer or person).device, 7, NOW - age, public)
        return DeviceBundle(device=person.device.public, bundle=f"for {person.name}".encode(), seal_key=key)

    def check(case: str, devices: SignedDeviceList, *bundles: DeviceBundle, seen: bytes | None = None) -> None:
        reply = PrekeyReply(devices=devices, bundles=bundles).SerializeToString().hex()
        book.add(
            ours.prekey_reply_check, case, reply=reply, account=BIA.key.hex(), seen=seen and seen.hex(), now=NOW
        )  # fmt: skip

    good = bundle(BIA)
    again = DeviceBundle(device=good.device, bundle=b"again", seal_key=good.seal_key)
    check("a device", bia, good)
    check("the list that was seen before", bia, good, seen=BIA.devices)
    check("a list that supersedes, with two devices", both, good, bundle(EVE), seen=BIA.devices)
    check("a device of the list without a bundle", both, good)
    check("a list older than the one that was seen", bia, good, seen=later)
    check("the list of another account", eve, bundle(EVE))
    check("no list", SignedDeviceList(), good)
    check("a device that is not on the list is left out, whatever its seal key", bia, good, bundle(EVE, signer=ANA))
    check("of two bundles of one device, the last counts", bia, good, again)
    check("no device of the list has a bundle", bia, bundle(EVE))
    check("no bundles", bia)
    check("a seal key that another device signed", bia, bundle(BIA, signer=EVE))
    check("a seal key of another device, of two", both, good, bundle(EVE, signer=BIA))
    check("a seal key 30 days old", bia, bundle(BIA, age=30 * DAY))
    check("a seal key more than 30 days old", bia, bundle(BIA, age=30 * DAY + 1))
    check("a seal key more than a day ahead", bia, bundle(BIA, age=-DAY - 1))
    check("without a seal key", bia, DeviceBundle(device=good.device, bundle=good.bundle))
