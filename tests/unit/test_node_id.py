"""Node ids: the text form of a node's Ed25519 key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mepassad.api.node_id import key_from_node_id, node_id_from_key

# The Ed25519 example of libp2p's peer-ids specification: the public key's protobuf, and the peer id go-libp2p makes.
SPEC_KEY = bytes.fromhex("1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e")
SPEC_ID = "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"


def test_the_id_of_the_specifications_key_starts_like_every_ed25519_peer_id() -> None:
    assert node_id_from_key(SPEC_KEY).startswith("12D3Koo")


@given(st.binary(min_size=32, max_size=32))
def test_an_id_gives_back_its_key(public: bytes) -> None:
    text = node_id_from_key(public)
    assert len(text) == 52
    assert key_from_node_id(text) == public


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_key_of_another_length_has_no_id(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        node_id_from_key(bytes(size))


@given(st.text())
def test_any_text_is_an_id_or_one_value_error(text: str) -> None:
    try:
        key = key_from_node_id(text)
    except ValueError:
        return
    assert node_id_from_key(key) == text


@given(st.text(alphabet="123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", min_size=52, max_size=52))
def test_any_base58_of_the_right_length_is_an_id_or_one_value_error(text: str) -> None:
    try:
        key = key_from_node_id(text)
    except ValueError:
        return
    assert node_id_from_key(key) == text


def test_the_id_of_an_rsa_key_is_refused() -> None:
    with pytest.raises(ValueError, match="characters"):
        key_from_node_id("QmcEPrat8ShnCph8WjkREzt5CPXF2RwhYxYBALDcLC1iV6")


def test_a_node_id_with_one_letter_changed_is_another_key_or_refused() -> None:
    text = node_id_from_key(SPEC_KEY)
    other = text[:-1] + ("1" if text[-1] != "1" else "2")
    assert key_from_node_id(other) != SPEC_KEY
