"""The page on scale says what the model says."""

from __future__ import annotations

from pathlib import Path

from bench.scale import DESIGNS, money, nodes, parts, tables, total

_PAGE = Path(__file__).resolve().parents[3] / "docs" / "scale.md"


def test_the_page_has_the_tables_of_the_model() -> None:
    assert tables() in _PAGE.read_text()


def test_ten_times_the_accounts_are_ten_times_the_traffic_and_never_fewer_than_two_nodes() -> None:
    for design in DESIGNS:
        few, many = total(parts(design, 1_000_000)), total(parts(design, 10_000_000))
        assert abs(many.traffic / few.traffic - 10) < 1e-9
        assert nodes(total(parts(design, 1))) == 2
        assert money(many, 10) > 9 * money(few, 10)
