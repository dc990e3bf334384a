"""What a relay lends is counted for both nodes, and a day's limit begins anew when the day is over."""

from __future__ import annotations

import pytest
from libp2p.peer.id import ID
from mepassad_transport_libp2p import lent
from mepassad_transport_libp2p.lent import DAY, Lent

ANA, BRUNO, CARLA = (ID(bytes([number])) for number in range(3))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_bytes_count_for_both_nodes_up_to_the_limit_of_a_day() -> None:
    clock = Clock()
    counted = Lent(100, clock)
    assert counted.lend(100, ANA, BRUNO)
    assert counted.left(ANA, CARLA) == 0
    assert not counted.lend(1, CARLA, BRUNO)
    clock.now = DAY
    assert counted.left(ANA, BRUNO) == 100
    assert counted.total == {ANA: 100, BRUNO: 101, CARLA: 1}
    assert counted.bytes == 101


def test_without_a_limit_there_is_always_more() -> None:
    counted = Lent(0, Clock())
    assert counted.lend(1 << 50, ANA, BRUNO)


def test_of_so_many_nodes_is_counted_and_the_first_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lent, "MAX_NODES", 2)
    counted = Lent(0, Clock())
    for one in (ANA, BRUNO, CARLA):
        counted.lend(1, one)
    assert list(counted.total) == [BRUNO, CARLA]
