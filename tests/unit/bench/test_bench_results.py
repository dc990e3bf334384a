"""Medians, ratios to the floor of the same run, lines and table."""

from __future__ import annotations

import json

from bench.results import Result, aimed, dump, summary, table


def run(floor: float, own: float) -> list[Result]:
    return [Result("floor", "one-way p50", floor, "ms"), Result("pingpong", "one-way p50", own, "ms")]


def test_a_figure_is_the_median_of_its_runs_and_keeps_them() -> None:
    floor, own = summary([run(1, 10), run(1, 30), run(1, 20)])

    assert (own["value"], own["runs"], own["unit"]) == (20, [10, 30, 20], "ms")
    assert floor["value"] == 1


def test_a_ratio_is_taken_within_each_run_before_the_median() -> None:
    _, own = summary([run(1, 2), run(10, 40), run(100, 300)])

    assert own["ratio_to_floor"] == 3


def test_without_a_floor_in_the_run_there_is_no_ratio() -> None:
    lines = summary([[Result("pingpong", "one-way p50", 2.0, "ms"), Result("rss", "libp2p", 90.0, "MiB")]])

    assert all("ratio_to_floor" not in line for line in lines)


def test_the_floor_has_no_ratio_to_itself() -> None:
    assert "ratio_to_floor" not in summary([run(1, 2)])[0]


def test_figures_are_rounded_to_what_can_be_told() -> None:
    assert summary([[Result("rss", "libp2p", 96.78125, "MiB")]])[0]["value"] == 96.78


def test_a_line_is_json() -> None:
    line = summary([run(1, 2)])[1]

    assert json.loads(dump(line)) == line


def test_the_table_aligns_figures_and_shows_lines_of_another_shape_whole() -> None:
    shown = table([{"bench": "conditions", "cpus": 2}, *summary([run(0.2, 2)])]).splitlines()

    assert shown[0] == "conditions, cpus 2"
    assert shown[1].index("0.2 ms") + 3 == shown[2].index("2 ms") + 1
    assert shown[2].endswith("10 x floor")


def test_the_table_shows_what_a_figure_may_be() -> None:
    assert table([{"bench": "crypto", "name": "seal", "value": 55.5, "unit": "us", "budget": 60.0}]).endswith("of 60")


def test_a_figure_says_what_it_should_be_and_no_sample_is_in_the_table() -> None:
    figures = [Result("floor", "frames, 1 a write", 10_000, "/s"), Result("pipeline", "messages", 5000, "/s")]
    rows = table(
        [
            *aimed(summary([figures])),
            {"bench": "soak", "sample": "a", "rss_mib": 100},
            {"bench": "soak", "name": "tasks", "value": 9, "unit": "%", "budget": 5, "flat": False},
        ]
    ).splitlines()

    assert rows[1].endswith("0.5 x floor     at least 4000, at least 0.4 x floor")
    assert rows[2].endswith("of 5, NOT FLAT")
    assert len(rows) == 3
