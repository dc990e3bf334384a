"""Invite links: short, whole or refused, and telling the version they need."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mepassad.api.node_id import node_id_from_key
from mepassad.errors import InviteMalformed, InviteVersion
from mepassad.wire import messages_pb2 as pb
from mepassad.wire.ids import b64, unb64
from mepassad.wire.invites import (
    MAX_BYTES,
    MAX_LINK,
    InviteLink,
    _checksum,
    format_invite,
    parse_invite,
    proof,
    verification_proof,
)

NODE, ANOTHER = node_id_from_key(b"n" * 32), node_id_from_key(b"m" * 32)
LINK = InviteLink(b"a" * 32, b"s" * 16, b"n" * 32, 1_800_000_000, {NODE: ("/ip4/203.0.113.5/tcp/4001",)})
GOOD = format_invite(LINK)
CODE = format_invite(replace(LINK, in_person=True))
RAW = unb64(GOOD.removeprefix("mepassa:i/1/"))
ADDRESSES = st.lists(st.text(string.printable, min_size=1, max_size=60), min_size=1, max_size=4).map(tuple)


def link_of(body: bytes) -> str:
    """A link around any bytes, its checksum right."""
    return f"mepassa:i/1/{b64(body + _checksum(body, in_person=False))}"


@given(
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=16, max_size=16),
    st.integers(1, 2**31),
    st.dictionaries(st.sampled_from([NODE, ANOTHER]), ADDRESSES, max_size=2),
)
def test_a_link_gives_back_what_it_was_made_of_as_far_as_220_bytes_go(
    key: bytes, secret: bytes, expires_at: int, nodes: dict[str, tuple[str, ...]]
) -> None:
    text = format_invite(InviteLink(key, secret, key[::-1], expires_at, nodes))
    assert len(unb64(text.removeprefix("mepassa:i/1/"))) <= MAX_BYTES
    link = parse_invite(text)
    assert (link.account, link.secret, link.number) == (key, secret, key[::-1])
    assert expires_at <= link.expires_at < expires_at + 3600
    assert link.expires_at % 3600 == 0
    for node, addresses in link.nodes.items():
        assert nodes[node][: len(addresses)] == addresses


def test_a_link_keeps_as_many_addresses_as_it_has_room_for() -> None:
    base = len(RAW) - len("/ip4/203.0.113.5/tcp/4001")
    exact = "x" * (MAX_BYTES - base)
    exact_link = InviteLink(LINK.account, LINK.secret, LINK.number, LINK.expires_at, {NODE: (exact, "left out")})
    text = format_invite(exact_link)
    assert len(unb64(text.removeprefix("mepassa:i/1/"))) == MAX_BYTES
    assert parse_invite(text).nodes == {NODE: (exact,)}
    over = InviteLink(LINK.account, LINK.secret, LINK.number, LINK.expires_at, {NODE: (exact + "x",)})
    assert parse_invite(format_invite(over)).nodes == {}


def test_the_https_form_has_the_data_in_its_fragment() -> None:
    fragment = GOOD.removeprefix("mepassa:")
    for form in (f"https://example.org/#{fragment}", f"https://example.org/join?lang=pt#{fragment}", f" {GOOD}\n"):
        assert parse_invite(form) == LINK
    for wrong in (f"http://example.org/#{fragment}", f"https://example.org/{fragment}", fragment, f"x{GOOD}"):
        with pytest.raises(InviteMalformed):
            parse_invite(wrong)


@pytest.mark.parametrize("whole", [GOOD, CODE], ids=["link", "code"])
def test_every_single_character_that_is_changed_lost_or_added_is_noticed(whole: str) -> None:
    alphabet = string.ascii_letters + string.digits + "-_:/=+# "
    for at in range(len(whole)):
        for other in set(alphabet) - {whole[at]}:
            with pytest.raises((InviteMalformed, InviteVersion)):
                parse_invite(whole[:at] + other + whole[at + 1 :])
        with pytest.raises((InviteMalformed, InviteVersion)):
            parse_invite(whole[:at] + whole[at + 1 :])
    for at in range(1, len(whole)):
        with pytest.raises((InviteMalformed, InviteVersion)):
            parse_invite(whole[:at] + "7" + whole[at:])


def test_a_code_says_that_it_is_one_and_has_no_form_to_be_sent_in() -> None:
    assert CODE.startswith("mepassa:v/1/")
    assert parse_invite(f" {CODE}\n") == replace(LINK, in_person=True)
    assert not parse_invite(GOOD).in_person
    with pytest.raises(InviteMalformed):
        parse_invite(f"https://example.org/#{CODE.removeprefix('mepassa:')}")
    with pytest.raises(InviteVersion):
        parse_invite(CODE.replace("v/1", "v/2"))


def test_a_link_that_is_called_a_code_and_a_code_that_is_called_a_link_are_malformed() -> None:
    for relabelled in (GOOD.replace(":i/", ":v/"), CODE.replace(":v/", ":i/")):
        with pytest.raises(InviteMalformed):
            parse_invite(relabelled)


@pytest.mark.parametrize("data", [b64(RAW), "", "not/base64url", "="])
def test_a_link_of_another_version_says_so_whatever_it_holds(data: str) -> None:
    for version in ("2", "0", "10", "01"):
        with pytest.raises(InviteVersion):
            parse_invite(f"mepassa:i/{version}/{data}")


@pytest.mark.parametrize("version", ["", "one", "-1", "1.0", "²", "१"])
def test_a_version_that_is_no_number_is_malformed(version: str) -> None:
    with pytest.raises(InviteMalformed):
        parse_invite(f"mepassa:i/{version}/{b64(RAW)}")


def test_a_link_of_another_kind_is_malformed() -> None:
    with pytest.raises(InviteMalformed):
        parse_invite(GOOD.replace("i/1", "g/1"))


def test_a_link_that_says_more_than_220_bytes_is_malformed() -> None:
    hints = [pb.NodeHint(key=b"n" * 32, addresses=["x" * 200])]
    body = pb.Invite(account=b"a" * 32, secret=b"s" * 16, number=b"n" * 32, expires_at=1, hints=hints)
    with pytest.raises(InviteMalformed):
        parse_invite(link_of(body.SerializeToString()))


def test_a_pasted_novel_is_malformed_and_not_looked_at() -> None:
    with pytest.raises(InviteMalformed):
        parse_invite(f"https://example.org/{'x' * MAX_LINK}#{GOOD.removeprefix('mepassa:')}")
    with pytest.raises(InviteMalformed):
        parse_invite("x" * 10_000_000)


@pytest.mark.parametrize("field", ["account", "secret", "number"])
def test_a_field_of_another_size_is_malformed_though_the_checksum_is_right(field: str) -> None:
    for size in (0, 15, 31, 33):
        body = pb.Invite(account=b"a" * 32, secret=b"s" * 16, number=b"n" * 32, expires_at=1)
        setattr(body, field, bytes(size))
        with pytest.raises(InviteMalformed):
            parse_invite(link_of(body.SerializeToString()))


def test_a_hint_without_a_node_key_is_malformed() -> None:
    body = pb.Invite(account=b"a" * 32, secret=b"s" * 16, number=b"n" * 32, hints=[pb.NodeHint(key=b"short")])
    with pytest.raises(InviteMalformed):
        parse_invite(link_of(body.SerializeToString()))


@given(
    st.text()
    | st.text().map("mepassa:i/1/".__add__)
    | st.text().map("mepassa:v/1/".__add__)
    | st.binary(max_size=200).map(lambda raw: link_of(raw))
)
def test_any_text_is_an_invite_or_one_of_two_named_errors(text: str) -> None:
    try:
        parse_invite(text)
    except (InviteMalformed, InviteVersion):
        return


def test_the_secret_does_not_show_in_a_repr() -> None:
    assert "ssss" not in repr(LINK)
    assert b"s".hex() * 4 not in repr(LINK)


def test_a_proof_is_of_one_secret_in_one_handshake_and_of_a_link_or_a_code() -> None:
    proofs = {
        proof(secret, transcript, in_person)
        for secret in (b"s" * 16, b"t" * 16)
        for transcript in (b"1" * 32, b"2" * 32)
        for in_person in (False, True)
    }
    assert len(proofs) == 8
    assert all(len(each) == 32 for each in proofs)


def test_a_verification_is_of_one_secret_from_one_account_to_another() -> None:
    one, other = b"1" * 32, b"2" * 32
    proofs = {
        verification_proof(secret, *ends) for secret in (b"s" * 16, b"t" * 16) for ends in ((one, other), (other, one))
    }
    assert len(proofs) == 4
    assert not proofs & {proof(b"s" * 16, one + other, in_person) for in_person in (False, True)}


RELAY = node_id_from_key(b"r" * 32)
BEHIND = f"/ip4/198.51.100.7/tcp/4001/p2p/{RELAY}/p2p-circuit"


def test_a_link_names_a_relay_once_and_gives_back_what_lies_behind_it() -> None:
    link = parse_invite(format_invite(replace(LINK, nodes={NODE: (BEHIND,)})))
    assert link.nodes == {NODE: (BEHIND,)}
    raw = unb64(format_invite(replace(LINK, nodes={NODE: (BEHIND,)})).removeprefix("mepassa:i/1/"))
    hints = pb.Invite.FromString(raw[:-4]).hints
    assert [(node_id_from_key(hint.key), hint.roles, list(hint.addresses)) for hint in hints] == [
        (NODE, 0, []),
        (RELAY, 2, ["/ip4/198.51.100.7/tcp/4001"]),
    ]


def test_a_relay_comes_before_addresses_that_only_neighbours_reach() -> None:
    near = tuple(f"/ip4/192.168.1.{number}/tcp/4001" for number in range(9))
    (told,) = parse_invite(format_invite(replace(LINK, nodes={NODE: (*near, BEHIND)}))).nodes.values()
    assert BEHIND in told
    assert near[-1] not in told
    wide = "/ip4/1.1.1.1/tcp/4001"
    (told,) = parse_invite(format_invite(replace(LINK, nodes={NODE: (*near, BEHIND, wide)}))).nodes.values()
    assert told[0] == wide


def test_a_server_that_is_mailbox_and_relay_is_named_once() -> None:
    at = "/ip4/198.51.100.7/tcp/4001"
    text = format_invite(replace(LINK, nodes={NODE: (BEHIND,)}, mailboxes={RELAY: (at,)}))
    assert parse_invite(text).nodes == {NODE: (BEHIND,)}
    assert parse_invite(text).mailboxes == {RELAY: (at,)}
    assert len(pb.Invite.FromString(unb64(text.removeprefix("mepassa:i/1/"))[:-4]).hints) == 2


def test_who_has_no_address_now_will_be_behind_the_mailboxes() -> None:
    mailboxes = {RELAY: ("/ip4/198.51.100.7/tcp/4001",)}
    link = parse_invite(format_invite(replace(LINK, nodes={NODE: ()}, mailboxes=mailboxes)))
    assert (link.nodes, link.mailboxes) == ({NODE: (BEHIND,)}, mailboxes)
