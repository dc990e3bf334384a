"""Device lists and cards: what is forged, relabelled, foreign, from the future or out of bounds is refused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from mepassad.api.crypto import DeviceKey
from mepassad.errors import InvalidSignature, MalformedContent
from mepassad.wire.identity import (
    AGREEMENT_LABEL,
    CARD_LABEL,
    FUTURE,
    LIST_LABEL,
    MAX_DEVICES,
    MAX_REVOKED,
    agree,
    parse,
    sign_card,
    sign_devices,
    stamp_of,
    verify,
    verify_card,
    verify_devices,
)
from mepassad.wire.messages_pb2 import Card, Device, DeviceList, SignedCard, SignedDeviceList
from tests.fixtures.weak_keys import LOW_ORDER_U, LOW_ORDER_Y, weak_signature

NOW = 1_800_000_000
ACCOUNT = Ed25519PrivateKey.from_private_bytes(bytes(32))
KEY = ACCOUNT.public_key().public_bytes_raw()
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
PHONE, LAPTOP = DeviceKey(b"p" * 32), DeviceKey(b"l" * 32)


def entry(device: DeviceKey | bytes, account: bytes = KEY) -> Device:
    """The entry of a device that agrees, or of bytes that are no device's key."""
    return agree(device, account, "x", NOW) if isinstance(device, DeviceKey) else Device(key=device)


def signed_list(
    devices: Sequence[DeviceKey | bytes],
    account: bytes = KEY,
    version: int = NOW,
    label: bytes = LIST_LABEL,
    revoked: Sequence[bytes] = (),
) -> bytes:
    """A list signed by the account, whatever it says."""
    rows = [entry(device, account) for device in devices]
    body = DeviceList(account=account, version=version, devices=rows, revoked=revoked).SerializeToString()
    return SignedDeviceList(list=body, signature=ACCOUNT.sign(label + body)).SerializeToString()


def signed_card(device: DeviceKey, devices: bytes, label: bytes = CARD_LABEL, **fields: str) -> SignedCard:
    body = Card(devices=SignedDeviceList.FromString(devices), made_at=NOW, **fields).SerializeToString()
    return SignedCard(card=body, device=device.public, signature=device.private.sign(label + body))


GOOD = sign_devices(ACCOUNT, [agree(PHONE, KEY, "phone", NOW), agree(LAPTOP, KEY, "laptop", NOW)], 0, NOW)


# -- lists


def test_a_signed_list_gives_back_its_devices() -> None:
    devices = verify_devices(GOOD, KEY, NOW)
    assert devices.names == {PHONE.public: "phone", LAPTOP.public: "laptop"}
    assert (devices.account, devices.version, devices.signed) == (KEY, NOW, GOOD)
    assert stamp_of(devices).hash == devices.stamp
    assert len(devices.stamp) == 16


@pytest.mark.parametrize(("previous", "now", "version"), [(0, NOW, NOW), (NOW + 5, NOW, NOW + 6), (NOW, NOW, NOW + 1)])
def test_a_list_is_newer_than_the_one_before_even_when_the_clock_was_set_back(
    previous: int, now: int, version: int
) -> None:
    signed = sign_devices(ACCOUNT, [entry(PHONE)], previous, now)
    assert verify_devices(signed, KEY, now).version == version


def test_names_of_devices_come_out_safe_to_show() -> None:
    signed = sign_devices(ACCOUNT, [agree(PHONE, KEY, "ph\u202eone\n", NOW)], 0, NOW)
    assert verify_devices(signed, KEY, NOW).names == {PHONE.public: "phone"}


def test_a_list_of_another_account_is_refused() -> None:
    foreign = sign_devices(OTHER, [entry(PHONE, OTHER.public_key().public_bytes_raw())], 0, NOW)
    with pytest.raises(InvalidSignature):
        verify_devices(foreign, KEY, NOW)
    with pytest.raises(MalformedContent):  # signed by the account, but about somebody else
        verify_devices(signed_list([PHONE], account=OTHER.public_key().public_bytes_raw()), KEY, NOW)


def test_a_list_signed_by_one_of_its_devices_is_refused() -> None:
    body = SignedDeviceList.FromString(GOOD).list
    for label in (LIST_LABEL, AGREEMENT_LABEL, CARD_LABEL):
        forged = SignedDeviceList(list=body, signature=PHONE.private.sign(label + body)).SerializeToString()
        for account in (KEY, PHONE.public):
            with pytest.raises((InvalidSignature, MalformedContent)):
                verify_devices(forged, account, NOW)


@pytest.mark.parametrize("key", [*LOW_ORDER_Y, *LOW_ORDER_U])  # the latter among them in forms that are not reduced
def test_a_signature_under_a_key_of_low_order_is_refused_though_anybody_can_make_one(key: bytes) -> None:
    if key in LOW_ORDER_Y:
        forged = weak_signature(key, b"label" + b"text")
        Ed25519PublicKey.from_public_bytes(key).verify(forged, b"labeltext")
    else:
        forged = bytes(64)
    with pytest.raises(InvalidSignature):
        verify(key, forged, b"label", b"text")


def test_a_signature_for_another_purpose_does_not_sign_a_list() -> None:
    with pytest.raises(InvalidSignature):
        verify_devices(signed_list([PHONE], label=CARD_LABEL), KEY, NOW)


@pytest.mark.parametrize(
    "devices",
    [
        [],
        [PHONE, PHONE],
        [PHONE, b"short"],
        [b""],
        [DeviceKey(bytes([n]) * 32) for n in range(MAX_DEVICES + 1)],
    ],
    ids=["none", "twice", "short", "empty", "too many"],
)
def test_a_list_that_its_account_signed_is_still_checked(devices: list[DeviceKey | bytes]) -> None:
    with pytest.raises(MalformedContent):
        verify_devices(signed_list(devices), KEY, NOW)


def test_a_list_may_have_32_devices() -> None:
    signed = signed_list([DeviceKey(bytes([n]) * 32) for n in range(MAX_DEVICES)])
    assert len(verify_devices(signed, KEY, NOW).names) == MAX_DEVICES == 32


def test_a_device_that_did_not_agree_to_this_account_is_not_listed() -> None:
    for agreement in (b"", bytes(64), entry(PHONE, OTHER.public_key().public_bytes_raw()).agreement):
        taken = Device(key=PHONE.public, name="taken", added_at=NOW, agreement=agreement)
        with pytest.raises(InvalidSignature):
            verify_devices(sign_devices(ACCOUNT, [entry(LAPTOP), taken], 0, NOW), KEY, NOW)


def test_revoked_keys_are_whole_no_more_than_256_and_none_of_them_is_listed() -> None:
    revoked = [n.to_bytes(32, "big") for n in range(MAX_REVOKED)]
    assert verify_devices(signed_list([PHONE], revoked=revoked), KEY, NOW).revoked == set(revoked)
    for wrong in ([*revoked, b"r" * 32], [revoked[0]] * 2, [b"short"], [PHONE.public]):
        with pytest.raises(MalformedContent):
            verify_devices(signed_list([PHONE], revoked=wrong), KEY, NOW)


def test_a_list_supersedes_by_a_higher_version_alone_and_never_brings_a_revoked_device_back() -> None:
    seen = verify_devices(signed_list([PHONE], revoked=[LAPTOP.public]), KEY, NOW)
    verify_devices(signed_list([PHONE], version=NOW + 1), KEY, NOW).check_follows(seen)
    verify_devices(signed_list([PHONE]), KEY, NOW).check_follows(None)
    seen.check_follows(seen)
    for version, devices in ((NOW - 1, [PHONE]), (NOW, [PHONE]), (NOW + 1, [PHONE, LAPTOP])):
        with pytest.raises(MalformedContent):
            verify_devices(signed_list(devices, version=version), KEY, NOW).check_follows(seen)


def test_a_list_may_be_a_day_ahead_and_no_more() -> None:
    assert verify_devices(signed_list([PHONE], version=NOW + FUTURE), KEY, NOW).version == NOW + 86_400
    late = signed_list([PHONE], version=NOW + FUTURE + 1)
    with pytest.raises(MalformedContent, match="future"):
        verify_devices(late, KEY, NOW)
    assert verify_devices(late, KEY, None).version == NOW + FUTURE + 1  # kept earlier, when the clock said otherwise


def test_a_list_with_any_bit_changed_is_refused() -> None:
    for at in range(len(GOOD)):
        changed = GOOD[:at] + bytes([GOOD[at] ^ 1]) + GOOD[at + 1 :]
        with pytest.raises((InvalidSignature, MalformedContent)):
            verify_devices(changed, KEY, NOW)


@given(st.binary())
def test_any_bytes_are_no_list_and_one_of_two_named_errors(raw: bytes) -> None:
    with pytest.raises((InvalidSignature, MalformedContent)):
        verify_devices(raw, KEY, NOW)


@given(st.binary(min_size=32, max_size=32))
def test_any_account_key_is_verified_or_refused(key: bytes) -> None:
    with pytest.raises((InvalidSignature, MalformedContent)):
        verify_devices(GOOD, key if key != KEY else bytes(32), NOW)


# -- cards


def test_a_card_gives_back_who_somebody_is() -> None:
    card = verify_card(sign_card(PHONE, "Ana", "bot", GOOD, NOW), NOW)
    assert (card.name, card.kind, card.devices) == ("Ana", "bot", verify_devices(GOOD, KEY, NOW))


def test_a_name_on_a_card_comes_out_safe_and_an_unknown_kind_is_a_person() -> None:
    card = verify_card(signed_card(PHONE, GOOD, name="A\u202ena\x1b" + "x" * 100, kind="emperor"), NOW)
    assert card.name == "Ana" + "x" * 61
    assert card.kind == "person"


def test_a_card_of_a_device_that_is_not_on_the_list_is_refused() -> None:
    with pytest.raises(InvalidSignature, match="not on its list"):
        verify_card(signed_card(DeviceKey.generate(), GOOD), NOW)


def test_a_card_signed_by_another_listed_device_than_it_names_is_refused() -> None:
    card = signed_card(PHONE, GOOD)
    card.device = LAPTOP.public
    with pytest.raises(InvalidSignature):
        verify_card(card, NOW)


def test_a_signature_for_another_purpose_does_not_sign_a_card() -> None:
    with pytest.raises(InvalidSignature):
        verify_card(signed_card(PHONE, GOOD, label=LIST_LABEL), NOW)


def test_a_card_with_a_forged_or_future_or_missing_list_is_refused() -> None:
    forged = bytearray(GOOD)
    forged[-1] ^= 1
    with pytest.raises(InvalidSignature):
        verify_card(signed_card(PHONE, bytes(forged)), NOW)
    with pytest.raises(MalformedContent, match="future"):
        verify_card(signed_card(PHONE, signed_list([PHONE], version=NOW + FUTURE + 1)), NOW)
    with pytest.raises(MalformedContent, match="no account"):
        verify_card(SignedCard(), NOW)


def test_a_card_with_any_bit_changed_is_refused() -> None:
    good = sign_card(PHONE, "Ana", "person", GOOD, NOW)
    for at in range(len(good.card)):
        changed = good.card[:at] + bytes([good.card[at] ^ 1]) + good.card[at + 1 :]
        with pytest.raises((InvalidSignature, MalformedContent)):
            verify_card(SignedCard(card=changed, device=good.device, signature=good.signature), NOW)


@given(st.binary(), st.binary(), st.binary())
def test_any_bytes_are_no_card_and_one_of_two_named_errors(card: bytes, device: bytes, signature: bytes) -> None:
    with pytest.raises((InvalidSignature, MalformedContent)):
        verify_card(SignedCard(card=card, device=device, signature=signature), NOW)


@pytest.mark.parametrize("kind", [Card, DeviceList, SignedCard, SignedDeviceList])
@given(raw=st.binary())
def test_any_bytes_parse_or_are_malformed(kind: type[Card], raw: bytes) -> None:
    try:
        parse(kind, raw)
    except MalformedContent:
        return
