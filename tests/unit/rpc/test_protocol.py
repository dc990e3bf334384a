"""The line protocol, without any socket."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mepassad.errors import InvalidRequest, MepassaError, ParseError, StoreFull
from mepassad.rpc.protocol import (
    MAX_NAME,
    LineReader,
    error_line,
    find_id,
    notification_line,
    parse_request,
    result_line,
)

DEPTH = 32
CALL = {"jsonrpc": "2.0", "id": 1, "method": "m"}


def line(**facts: object) -> bytes:
    return json.dumps({**CALL, **facts}).encode()


def nested(times: int, opening: str = "[", closing: str = "]") -> bytes:
    """A request two levels deep (itself and its params) with more inside."""
    inner = opening * times + ("1" if "{" in opening else "") + closing * times
    return b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":%b}}' % inner.encode()


def read(*chunks: bytes, limit: int = 10) -> tuple[list[bytes], bool]:
    reader = LineReader(limit)
    return [line for chunk in chunks for line in reader.feed(chunk)], reader.overflowed


def test_lines_are_cut_wherever_the_bytes_were() -> None:
    assert read(b"ab", b"c\nde", b"\n\nf") == ([b"abc", b"de", b""], False)


@given(st.lists(st.binary(max_size=10).filter(lambda part: b"\n" not in part)), st.integers(1, 7))
def test_every_line_comes_out_as_it_went_in(lines: list[bytes], size: int) -> None:
    stream = b"".join(part + b"\n" for part in lines)
    assert read(*(stream[at : at + size] for at in range(0, len(stream), size))) == (lines, False)


def test_a_line_at_the_limit_passes_and_one_byte_more_does_not() -> None:
    assert read(b"x" * 10 + b"\n") == ([b"x" * 10], False)
    assert read(b"x" * 11 + b"\n") == ([], True)
    assert read(b"x" * 11) == ([], True)


def test_what_follows_a_line_that_is_too_long_is_not_taken() -> None:
    assert read(b"ok\n" + b"x" * 11 + b"\nlost\n", b"lost\n") == ([b"ok"], True)


def test_a_request_is_read() -> None:
    request = parse_request(line(params={"a": 1}), DEPTH)
    assert (request.id, request.method, bytes(request.params)) == (1, "m", b'{"a": 1}')


@pytest.mark.parametrize("id", ["a", 0, -7, 2**70, 1.5, None])
def test_ids_are_strings_numbers_or_null_and_come_back_as_they_were(id: object) -> None:
    found = parse_request(line(id=id), DEPTH).id
    assert found is not msgspec.UNSET
    assert json.loads(result_line(found, {}))["id"] == id


def test_a_request_without_id_is_a_notification() -> None:
    assert parse_request(b'{"jsonrpc":"2.0","method":"m"}', DEPTH).id is msgspec.UNSET


@pytest.mark.parametrize(
    "bad",
    [
        line(id=True), line(id=[1]), line(id={}), line(id="x" * (MAX_NAME + 1)), line(method="x" * (MAX_NAME + 1)),
        line(method=1), line(jsonrpc="1.0"), line(jsonrpc=2), b"1", b'"x"', b"null", b"{}", b"[]",
    ],
)  # fmt: skip
def test_json_that_is_no_request_is_an_invalid_request(bad: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse_request(bad, DEPTH)


@pytest.mark.parametrize(
    "bad",
    [b"", b" ", b"\x00", b"{", b"nope", line() + b"x", b'{"jsonrpc":"2.0","method":"\xff"}', b'{"x":"\xff"}',
     line(method="m\\ud800")[:-2].replace(b"\\\\", b"\\") + b'"}'],
)  # fmt: skip
def test_what_is_not_json_in_utf8_is_a_parse_error(bad: bytes) -> None:
    with pytest.raises(ParseError):
        parse_request(bad, DEPTH)


def test_a_batch_is_refused_with_a_sentence() -> None:
    with pytest.raises(InvalidRequest, match="one request a line"):
        parse_request(b" [" + line() + b"," + line() + b"]", DEPTH)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"k":', "}"), ('{"k":[', "]}")])
def test_nesting_at_the_limit_passes(opening: str, closing: str) -> None:
    layers = opening.count("{") + opening.count("[")
    times = (DEPTH - 2) // layers
    assert parse_request(nested(times, opening, closing), DEPTH).method == "m"
    with pytest.raises(InvalidRequest, match="32 deep"):
        parse_request(nested(1, "[" + opening * times, closing * times + "]"), DEPTH)


@pytest.mark.parametrize("depth", [500, 200_000])
def test_nesting_of_any_depth_is_refused_and_harms_nobody(depth: int) -> None:
    with pytest.raises(InvalidRequest, match="32 deep"):
        parse_request(nested(depth), DEPTH)


def test_brackets_that_are_text_or_stand_side_by_side_are_not_depth() -> None:
    assert parse_request(line(params={"text": '[{"\\' * 50}), DEPTH)
    assert parse_request(line(params={"list": [[], {}] * 50}), DEPTH)


def outcome(candidate: bytes) -> MepassaError | None:
    """The one named error, if it is no request; any other exception passes."""
    try:
        parse_request(candidate, DEPTH)
    except (ParseError, InvalidRequest) as error:
        return error
    return None


@given(st.binary(max_size=60) | st.text().map(str.encode))
def test_junk_protocol_any_bytes_are_a_request_or_one_named_error(junk: bytes) -> None:
    for candidate in (junk, b'{"jsonrpc":"2.0","id":1,"method":"m","params":' + junk + b"}"):
        if error := outcome(candidate):
            assert len(error.sentence) < 300
            json.loads(error_line(find_id(candidate), error))


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["jsonrpc", "id", "method", "params", "x"]), inner),
)


@given(_json)
def test_junk_protocol_any_json_is_a_request_or_one_named_error(junk: object) -> None:
    candidate = json.dumps(junk).encode()
    if outcome(candidate):
        find_id(candidate)


def test_the_id_of_a_bad_request_is_found_where_it_has_one() -> None:
    assert find_id(b'{"id":7,"method":1}') == 7
    assert find_id(b'{"id":[7]}') is None
    assert find_id(b"junk") is None
    assert find_id(b"[" * 100_000) is None


def test_replies_are_json_rpc_on_one_line() -> None:
    assert result_line(1, {"text": "a\nb"}) == b'{"jsonrpc":"2.0","id":1,"result":{"text":"a\\nb"}}\n'
    assert json.loads(error_line("x", StoreFull(free=3))) == {
        "jsonrpc": "2.0",
        "id": "x",
        "error": {"code": 1300, "message": StoreFull().sentence, "data": {"name": "StoreFull", "free": 3}},
    }
    assert json.loads(notification_line("n", {"a": 1})) == {"jsonrpc": "2.0", "method": "n", "params": {"a": 1}}
