"""What counts as flat: shares, slack, quarters, slopes, and what is said of a soak."""

from __future__ import annotations

import pytest

from bench.experiment import outcome
from bench.soak import MANY, UNDER_WAY, Way, counts, judged
from bench.verdict import Judgement, Sample, quarters, slope
from bench.workloads import WINDOW


def samples(name: str, values: list[float]) -> list[Sample]:
    return [{"seconds": float(number), name: value} for number, value in enumerate(values)]


@pytest.mark.parametrize(("last", "flat"), [(105, True), (105.1, False), (100, True), (50, True)])
def test_a_figure_is_flat_up_to_its_limit_and_when_it_shrinks(last: float, flat: bool) -> None:
    assert Judgement("soak", "rss_mib", 100, last, 0.05).flat is flat


@pytest.mark.parametrize(("last", "flat"), [(12, True), (13, False)])
def test_two_tasks_more_are_no_leak_however_few_there_were(last: float, flat: bool) -> None:
    assert Judgement("churn", "tasks", 10, last, 0.05).flat is flat


def test_what_was_nothing_and_is_something_has_grown() -> None:
    assert Judgement("soak", "rss_mib", 0, 1, 0.05).flat is False
    assert Judgement("soak", "rss_mib", 0, 0, 0.05).flat is True


def test_a_judgement_says_from_where_to_where_and_what_was_allowed() -> None:
    line = Judgement("soak", "rss_mib", 100, 110, 0.05).line()

    assert line == {
        "bench": "soak", "name": "rss_mib", "value": 10.0, "unit": "%", "from": 100, "to": 110, "budget": 5.0,
        "flat": False,
    }  # fmt: skip


def test_memory_is_judged_by_the_means_of_the_first_and_the_last_quarter() -> None:
    (found,) = quarters("soak", samples("rss_mib", [90, 110, 500, 500, 1, 1, 100, 108]), {"rss_mib": 0.05})

    assert (found.first, found.last, found.flat) == (100, 104, True)


def test_tasks_are_judged_by_the_fewest_so_that_calls_under_way_are_no_leak() -> None:
    busy = [28, 30, 99, 99, 99, 99, 90, 28]
    leaking = [28, 99, 99, 99, 99, 99, 99, 40]

    assert quarters("soak", samples("tasks", busy), {"tasks": 0.05})[0].flat
    assert not quarters("soak", samples("tasks", leaking), {"tasks": 0.05})[0].flat


def test_a_single_sample_is_flat() -> None:
    assert quarters("soak", samples("rss_mib", [100]), {"rss_mib": 0.05})[0].growth == 0


def test_the_slope_is_that_of_least_squares() -> None:
    assert slope(samples("y", [1, 3, 5, 7]), "seconds", "y") == pytest.approx(2)
    assert slope(samples("y", [1, 4, 4, 7]), "seconds", "y") == pytest.approx(1.8)
    assert slope(samples("y", [7, 7, 7]), "seconds", "y") == 0
    assert slope([{"x": 3, "y": 1}, {"x": 3, "y": 9}], "x", "y") == 0


def soaked(*memory: float, each: int) -> list[Sample]:
    return [
        {"messages": each * number, "rss_mib": mib, "tasks": 20, "descriptors": 20, "threads": 6, "database_mib": 1}
        for number, mib in enumerate(memory)
    ]


def test_memory_after_many_messages_is_judged_against_where_it_began() -> None:
    def after_many(*memory: float, each: int) -> list[object]:
        lines = judged("soak, a", soaked(*memory, each=each))
        return [line["flat"] for line in lines if str(line["name"]).startswith("memory after")]

    assert after_many(100, 120, 120, 120, each=MANY) == [True]
    assert after_many(100, 121, 121, 121, each=MANY) == [False]
    assert after_many(100, 300, each=MANY - 1) == []


class Sent:
    """Counts the lines that are sent."""

    def __init__(self) -> None:
        self.socket, self.lines = self, 0

    def sendall(self, data: bytes) -> None:
        self.lines += data.count(b"\n")


def way(sent: int, arrived: int) -> Way:
    found = object.__new__(Way)
    found.sent = found.answered = sent
    found.arrived = arrived
    found._client, found._line = Sent(), b"text\n"  # type: ignore[assignment]
    return found


@pytest.mark.parametrize(
    ("sent", "arrived", "due", "more"),
    [(0, 0, 5, 5), (5, 5, 5, 0), (5, 5, 4, 0), (0, 0, 100, WINDOW), (UNDER_WAY, 3, 5000, 3), (UNDER_WAY, 0, 5000, 0)],
)
def test_what_is_due_is_sent_as_far_as_the_windows_allow(sent: int, arrived: int, due: int, more: int) -> None:
    found = way(sent, arrived)
    found.send(due)
    assert (found.sent - sent, found._client.socket.lines) == (more, more)  # type: ignore[attr-defined]


def test_a_call_that_is_not_answered_keeps_its_place_in_the_window() -> None:
    found = way(10, 10)
    found.answered = 10 - WINDOW + 1
    found.send(100)
    assert found.sent == 11


def test_as_many_messages_must_be_kept_and_told_of_as_were_sent_each_way() -> None:
    ways = [way(10, 10), way(20, 20)]

    assert [line["flat"] for line in counts(ways, {"a": 20, "b": 10})] == [True, True]
    assert [line["flat"] for line in counts(ways, {"a": 19, "b": 10})] == [True, False]
    assert [line["flat"] for line in counts([way(10, 11), ways[1]], {"a": 20, "b": 10})] == [False, True]


def test_what_pytest_said_of_the_contract_becomes_a_count_and_names() -> None:
    said = """..F [100%]
FAILED bench/contract_iroh.py::TestIrohTransport::test_one - AssertionError
ERROR bench/contract_iroh.py::TestIrohTransport::test_two
1 failed, 21 passed, 1 error in 3.21s"""

    assert outcome(said) == {"contract passed": 21, "contract failed": ["test_one", "test_two"]}
    assert outcome("no tests ran in 0.01s") == {"contract passed": 0, "contract failed": []}
