"""Frames on a stream: any chunking gives the same frames, limits hold, and no way of feeding is slow."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mepassad.errors import FrameTooLarge, MalformedFrame
from mepassad.wire.framing import Splitter, pack

LIMIT = 1 << 20


def fed(splitter: Splitter, data: bytes, step: int) -> list[bytes]:
    return [frame for at in range(0, len(data), step) for frame in splitter.feed(data[at : at + step])]


@given(st.lists(st.binary(max_size=300)), st.lists(st.integers(1, 400), min_size=1))
def test_frames_come_out_as_they_went_in_however_the_stream_is_cut(frames: list[bytes], cuts: list[int]) -> None:
    stream, splitter, found, at = b"".join(map(pack, frames)), Splitter(300), [], 0
    for number in range(len(stream)):
        step = cuts[number % len(cuts)]
        found += splitter.feed(stream[at : at + step])
        at += step
    assert found == frames


@pytest.mark.parametrize(
    ("size", "prefix"), [(0, "00"), (1, "01"), (127, "7f"), (128, "8001"), (300, "ac02"), (16384, "808001")]
)
def test_the_length_is_unsigned_leb128(size: int, prefix: str) -> None:
    assert pack(bytes(size)) == bytes.fromhex(prefix) + bytes(size)


def test_a_frame_at_the_limit_passes_and_one_byte_more_does_not() -> None:
    assert Splitter(200).feed(pack(bytes(200))) == [bytes(200)]
    with pytest.raises(FrameTooLarge) as caught:
        Splitter(200).feed(pack(bytes(201)))
    assert caught.value.data == {"limit": 200}


def test_a_frame_above_the_limit_is_refused_before_its_body_has_come() -> None:
    with pytest.raises(FrameTooLarge):
        Splitter(200).feed(pack(bytes(201))[:2])


def test_good_frames_before_a_bad_length_do_not_hide_it() -> None:
    splitter = Splitter(200)
    assert splitter.feed(pack(b"good") + b"\xff\xff") == [b"good"]
    with pytest.raises(MalformedFrame):
        splitter.feed(b"\xff\xff\xff")


def test_a_length_that_does_not_end_is_refused() -> None:
    with pytest.raises(MalformedFrame):
        Splitter(LIMIT).feed(b"\x80" * 5)


@given(st.lists(st.binary(max_size=40)))
def test_any_bytes_are_frames_or_one_of_two_named_errors(chunks: list[bytes]) -> None:
    splitter, size = Splitter(30), 0
    try:
        for chunk in chunks:
            size += sum(map(len, splitter.feed(chunk)))
    except (FrameTooLarge, MalformedFrame):
        return
    assert size <= sum(map(len, chunks))


@pytest.mark.parametrize("step", [16, 1024])
def test_feeding_a_large_frame_in_small_reads_takes_time_in_proportion(step: int) -> None:
    def seconds(size: int) -> float:
        stream, splitter = pack(bytes(size)), Splitter(LIMIT)
        began = time.process_time()
        assert len(fed(splitter, stream, step)) == 1
        return time.process_time() - began

    small, large = (min(seconds(size) for _ in range(3)) for size in (LIMIT // 8, LIMIT))
    # Eight times the bytes take about 8 times as long; were each read to copy what is there, it would be 64 times.
    assert large < 32 * max(small, 0.0005)


def test_many_small_frames_in_one_read_take_time_in_proportion() -> None:
    def seconds(count: int) -> float:
        stream, splitter = pack(b"frame") * count, Splitter(LIMIT)
        began = time.process_time()
        assert len(splitter.feed(stream)) == count
        return time.process_time() - began

    small, large = (min(seconds(count) for _ in range(3)) for count in (4000, 32_000))
    assert large < 32 * max(small, 0.0005)
