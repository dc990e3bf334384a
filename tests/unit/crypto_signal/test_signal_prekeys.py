"""When prekeys are made, rotated, given away and dropped."""

import itertools
from collections import Counter

import pytest
from msgspec.structs import replace

from mepassad.api.crypto import Replenished
from mepassad.api.types import PrivateKey
from mepassad.builtin.crypto_signal import prekeys, signal_pb2
from mepassad.builtin.crypto_signal.plugin import Signal
from mepassad.builtin.crypto_signal.prekeys import DAY, LAST_RESORT, ONE_TIME, ONE_TIME_PQ, SIGNED
from mepassad.errors import CryptoError
from mepassad.testing.crypto_party import NOW, Party

ENGINE = Signal()


@pytest.fixture
def party() -> Party:
    return Party(ENGINE)


def of_kind(party: Party, *kinds: str) -> list[PrivateKey]:
    return [key for key in party.keys.values() if key.kind in kinds]


def replenish(party: Party) -> Replenished:
    return ENGINE.replenish(party.account, party.device, list(party.keys.values()), party.now)


def test_a_new_device_has_a_full_set(party: Party) -> None:
    assert Counter(key.kind for key in party.keys.values()) == {
        SIGNED: 1,
        LAST_RESORT: 1,
        ONE_TIME: 100,
        ONE_TIME_PQ: 20,
    }
    assert all(0 < identifier < 2**63 for identifier in party.keys)


def test_signed_keys_rotate_weekly_and_not_before(party: Party) -> None:
    before = of_kind(party, SIGNED, LAST_RESORT)
    party.now = NOW + 7 * DAY - 1
    assert replenish(party) == ((), (), ())
    party.now = NOW + 7 * DAY
    party.replenish()
    for old in before:
        assert party.keys[old.id].retired_at == party.now
        current = [key for key in of_kind(party, old.kind) if not key.retired_at]
        assert [key.created_at for key in current] == [party.now]


def test_retired_keys_are_kept_three_weeks(party: Party) -> None:
    before = {key.id for key in of_kind(party, SIGNED, LAST_RESORT)}
    party.now += 7 * DAY
    party.replenish()
    party.now += 21 * DAY - 1
    party.replenish()
    assert before <= party.keys.keys()
    party.now += 1
    party.replenish()
    assert not before & party.keys.keys()


def test_a_session_begins_with_a_retired_key(party: Party) -> None:
    alice = Party(ENGINE)
    session = alice.begin(party)
    party.now += 7 * DAY
    party.replenish()
    assert party.receive(alice, session, alice.send(session, b"late")) == b"late"


def test_a_given_one_time_key_is_kept_until_no_bundle_with_it_can_be_used(party: Party) -> None:
    party.bundle()
    given = {key.id for key in party.keys.values() if key.given_at}
    party.now += prekeys.KEEP_GIVEN - 1
    party.replenish()
    assert given <= party.keys.keys()
    party.now += 1
    party.replenish()
    assert not given & party.keys.keys()


def test_one_time_keys_that_nobody_got_are_renewed_weekly(party: Party) -> None:
    before = {key.id for key in of_kind(party, ONE_TIME, ONE_TIME_PQ)}
    party.now += 7 * DAY
    party.replenish()
    assert not before & party.keys.keys()
    assert len(of_kind(party, ONE_TIME)) == 100


def test_keys_dated_by_a_wrong_clock_are_replaced(party: Party) -> None:
    party.now -= 2 * DAY
    party.replenish()
    current = [key for key in of_kind(party, SIGNED, LAST_RESORT) if not key.retired_at]
    assert [key.created_at for key in current] == [party.now, party.now]


def test_a_key_dated_a_day_ahead_is_kept_and_a_second_more_is_not(party: Party) -> None:
    party.now -= DAY
    assert replenish(party) == ((), (), ())
    party.now -= 1
    assert {key.kind for key in replenish(party).changed} == {SIGNED, LAST_RESORT}


def test_the_times_are_those_of_the_protocol() -> None:
    days = (prekeys.ROTATE_AFTER, prekeys.KEEP_RETIRED, prekeys.MAX_AGE, prekeys.MAX_AHEAD, prekeys.KEEP_GIVEN)
    assert [seconds / 86_400 for seconds in days] == [7, 21, 30, 1, 51]


def test_no_two_keys_have_the_same_id_whatever_chance_brings(party: Party) -> None:
    ids = itertools.count()

    def random(size: int) -> bytes:
        """Each id comes up twice, beginning with 0."""
        return (next(ids) // 2 << 1).to_bytes(8, "big") if size == 8 else bytes(size)

    foreign = PrivateKey(account=party.account, id=5, kind="foreign", secret=b"", public=b"", created_at=NOW)
    added = prekeys.replenish(party.account, [foreign], NOW, random).added
    assert [key.id for key in added] == [*range(1, 5), *range(6, 124)]


def test_keys_of_another_plugin_are_left_alone(party: Party) -> None:
    foreign = PrivateKey(account=party.account, id=1, kind="olm", secret=b"", public=b"", created_at=0)
    party.keys[1] = foreign
    assert replenish(party) == ((), (), ())


def test_a_bundle_names_current_keys_and_the_one_time_keys_it_gives(party: Party) -> None:
    bundle = ENGINE.bundle(party.device, list(party.keys.values()), party.now)
    public = signal_pb2.Bundle.FromString(bundle.public)
    assert party.keys[public.signed_prekey.id].kind == SIGNED
    assert bundle.given == (public.one_time_prekey.id, public.pq_prekey.id)
    assert [party.keys[given].kind for given in bundle.given] == [ONE_TIME, ONE_TIME_PQ]


def test_a_bundle_without_one_time_keys_has_the_last_resort(party: Party) -> None:
    party.keys = {key.id: key for key in of_kind(party, SIGNED, LAST_RESORT)}
    bundle = ENGINE.bundle(party.device, list(party.keys.values()), party.now)
    public = signal_pb2.Bundle.FromString(bundle.public)
    assert party.keys[public.pq_prekey.id].kind == LAST_RESORT
    assert not public.HasField("one_time_prekey")
    assert bundle.given == ()


def test_the_newest_keys_are_given_first(party: Party) -> None:
    older = [replace(key, id=key.id // 2, created_at=NOW - DAY) for key in party.keys.values()]
    for held in ([*older, *party.keys.values()], [*party.keys.values(), *older]):
        public = signal_pb2.Bundle.FromString(ENGINE.bundle(party.device, held, NOW).public)
        assert {public.signed_prekey.id, public.pq_prekey.id, public.one_time_prekey.id} <= party.keys.keys()


@pytest.mark.parametrize("missing", [(SIGNED,), (LAST_RESORT, ONE_TIME_PQ)])
def test_a_device_without_a_signed_or_without_a_pq_key_gives_no_bundle(party: Party, missing: tuple[str, ...]) -> None:
    held = [key for key in party.keys.values() if key.kind not in missing]
    with pytest.raises(CryptoError, match="no fresh prekeys"):
        ENGINE.bundle(party.device, held, NOW)


def test_a_device_with_stale_prekeys_gives_no_bundle(party: Party) -> None:
    held = list(party.keys.values())
    ENGINE.bundle(party.device, held, NOW + prekeys.MAX_AGE)
    with pytest.raises(CryptoError, match="no fresh prekeys"):
        ENGINE.bundle(party.device, held, NOW + prekeys.MAX_AGE + 1)
    with pytest.raises(CryptoError, match="no fresh prekeys"):
        ENGINE.bundle(party.device, [replace(key, retired_at=NOW) for key in held], NOW)
