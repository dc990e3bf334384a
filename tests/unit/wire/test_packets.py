"""Packets, frames and the messages about prekeys: any bytes are one, or one named error."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mepassad.errors import MalformedContent, MalformedFrame
from mepassad.wire.identity import parse
from mepassad.wire.messages_pb2 import DeviceBundle, Frame, Packet, PrekeyReply, PrekeyRequest, Refusal
from mepassad.wire.packets import MAX_ANSWERS, Reason, pack_packet, packet_id, parse_frame, parse_packet

KEYS = st.binary(min_size=32, max_size=32)
GOOD = pack_packet(b"s" * 32, b"r" * 32, b"n" * 16, b"message")


@given(KEYS, KEYS, st.binary(min_size=16, max_size=16), st.binary(min_size=1))
def test_a_packet_comes_out_as_it_went_in(sender: bytes, recipient: bytes, session: bytes, message: bytes) -> None:
    packet = parse_packet(pack_packet(sender, recipient, session, message))
    assert (packet.sender, packet.recipient, packet.session, packet.message) == (sender, recipient, session, message)


def test_the_id_of_a_packet_is_the_hash_of_its_bytes() -> None:
    assert packet_id(GOOD) == hashlib.sha256(GOOD).digest()


@pytest.mark.parametrize(
    "sizes", [(31, 32, 16, 1), (33, 32, 16, 1), (32, 0, 16, 1), (32, 31, 16, 1), (32, 32, 15, 1), (32, 32, 16, 0)]
)
def test_a_packet_with_a_field_of_another_size_is_malformed(sizes: tuple[int, int, int, int]) -> None:
    with pytest.raises(MalformedFrame):
        parse_packet(pack_packet(*(bytes(size) for size in sizes)))


def test_a_packet_cut_short_anywhere_is_malformed() -> None:
    for size in range(len(GOOD)):
        with pytest.raises(MalformedFrame):
            parse_packet(GOOD[:size])


@given(st.binary() | st.binary(max_size=20).map(lambda end: GOOD + end))
def test_any_bytes_are_a_packet_or_malformed(raw: bytes) -> None:
    try:
        packet = parse_packet(raw)
    except MalformedFrame:
        return
    assert len(packet.sender) == len(packet.recipient) == 32


@given(st.binary())
def test_any_bytes_are_a_frame_or_malformed(raw: bytes) -> None:
    try:
        frame = parse_frame(raw)
    except MalformedFrame:
        return
    assert all(len(ack) == 32 for ack in frame.acks)


def test_a_frame_comes_out_as_it_went_in() -> None:
    frame = Frame(packets=[GOOD], acks=[bytes(32), b"a" * 32], refusals=[Refusal(packet=bytes(32), reason=1)])
    assert parse_frame(frame.SerializeToString()) == frame


@pytest.mark.parametrize("ack", [b"", bytes(31), bytes(33)])
def test_a_frame_whose_acks_are_no_packet_ids_is_malformed(ack: bytes) -> None:
    with pytest.raises(MalformedFrame):
        parse_frame(Frame(acks=[bytes(32), ack]).SerializeToString())


@pytest.mark.parametrize("kind", ["acks", "refusals"])
def test_a_frame_with_more_answers_than_one_may_have_is_malformed(kind: str) -> None:
    answers = [bytes(32)] * MAX_ANSWERS if kind == "acks" else [Refusal(packet=bytes(32))] * MAX_ANSWERS
    assert len(answers) == 1024  # as docs/protocol/packets.md says
    full = Frame(**{kind: answers}).SerializeToString()
    assert len(getattr(parse_frame(full), kind)) == MAX_ANSWERS
    with pytest.raises(MalformedFrame):
        parse_frame(full + Frame(**{kind: answers[:1]}).SerializeToString())


def test_a_reason_of_a_newer_version_is_kept_as_a_number() -> None:
    frame = parse_frame(Frame(refusals=[Refusal(packet=bytes(32), reason=77)]).SerializeToString())
    assert frame.refusals[0].reason == 77
    assert [reason.value for reason in Reason] == list(range(1, 9))


@pytest.mark.parametrize("kind", [PrekeyRequest, PrekeyReply, DeviceBundle, Packet])
@given(raw=st.binary())
def test_any_bytes_about_prekeys_parse_or_are_malformed(kind: type[PrekeyReply], raw: bytes) -> None:
    try:
        parse(kind, raw)
    except MalformedContent:
        return
