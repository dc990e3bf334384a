"""How fast a bot answers one contact."""

from __future__ import annotations

from bot_runs import ManualClock
from mepassa.bot.limits import ANSWERS_PER_MINUTE
from mepassa.bot.pace import WINDOW, Pace


def test_the_answers_of_the_last_window_count_and_older_ones_do_not() -> None:
    clock = ManualClock()
    pace = Pace(ANSWERS_PER_MINUTE, clock)
    all_but_the_last = [True] * ANSWERS_PER_MINUTE + [False]
    assert [pace.allows("ana") for _ in all_but_the_last] == all_but_the_last
    assert pace.allows("bia")
    clock.advance(WINDOW - 0.1)
    assert not pace.allows("ana")
    clock.advance(0.1)
    assert [pace.allows("ana") for _ in all_but_the_last] == all_but_the_last


def test_a_warning_is_due_once_a_window_for_each_contact() -> None:
    clock = ManualClock()
    pace = Pace(1, clock)
    assert [pace.warns("ana"), pace.warns("ana"), pace.warns("bia")] == [True, False, True]
    clock.advance(WINDOW - 0.1)
    assert not pace.warns("ana")
    clock.advance(0.1)
    assert pace.warns("ana")


def test_contacts_of_long_ago_are_forgotten() -> None:
    clock = ManualClock()
    pace = Pace(1, clock)
    for number in range(100):
        pace.allows(f"mp1{number}")
        pace.warns(f"mp1{number}")
    clock.advance(WINDOW)
    pace.allows("ana")
    assert pace.known == 1
