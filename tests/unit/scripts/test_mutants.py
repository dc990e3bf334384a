"""The search for checks that no test notices: what it breaks, and that the reasons it accepts are about something."""

from __future__ import annotations

import pytest

from scripts.mutants import Mutant, Mutants
from scripts.mutate import ROOT, TARGETS, judge, reasons

SOURCE = b'''"""A module."""

LIMIT = 10  # \xc3\xa9
SIZES = (1, 2)
NAMES = ("a", "b")
NEXT = LIMIT + 1


def check(key: bytes, size: int) -> bool:
    """Not a check."""
    inner = 5
    if not key or size <= LIMIT and key not in SIZES:
        raise ValueError(f"{size < 3}")
    verify(key)
    return max(size, inner) if any(x for x in key if even(x)) else size == 2 == inner
'''


def changes(source: bytes) -> list[str]:
    return [mutant.change for mutant in Mutants("file.py", source).found]


def test_every_check_is_broken_once_in_each_way() -> None:
    assert sorted(changes(SOURCE)) == sorted(
        [
            "10 → (10) + 1",
            "1 → (1) + 1",
            "2 → (2) + 1",
            "LIMIT + 1 → (LIMIT + 1) + 1",
            "without not",
            "or → and",
            "and → or",
            "<= → <",
            "<= → >",
            "not in → in",
            'raise ValueError(f"{size < 3}") → pass',
            "verify(key) → pass",
            "max → min",
            "any → all",
            "any(x for x in key if even(x)) → not (any(x for x in key if even(x)))",
            "even(x) → not (even(x))",
            "== → !=",
            "== → !=, the 2. time",
        ]
    )


def test_a_mutant_is_the_file_with_that_change_alone() -> None:
    for mutant in Mutants("file.py", SOURCE).found:
        changed = mutant.applied(SOURCE).decode()
        compile(changed, "file.py", "exec")
        lines = zip(SOURCE.decode().splitlines(), changed.splitlines(), strict=True)
        assert [number for number, (old, new) in enumerate(lines, 1) if old != new] == [mutant.line]


def mutant(change: str) -> Mutant:
    return Mutant("file.py", 3, "if a < b:", "<", change, 0, 0, 1)


def test_a_survivor_needs_a_reason_and_a_reason_a_survivor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.mutate.reasons", lambda: {("file.py", "if a < b:", "< → <="): "because"})
    assert list(judge("file.py", [mutant("<=")])) == []
    assert list(judge("other.py", [])) == []
    (unexplained,) = judge("file.py", [mutant("<="), mutant(">=")])
    assert unexplained == "survives: file.py:3: if a < b:\n    < → >="
    (stale,) = judge("file.py", [])
    assert "stale" in stale


def test_every_reason_is_written_and_about_a_mutant_there_is() -> None:
    found = {
        (mutant.file, mutant.text, mutant.change)
        for file in TARGETS
        for mutant in Mutants(file, (ROOT / file).read_bytes()).found
    }
    for key, reason in reasons().items():
        assert key in found
        assert len(reason) > 20


def test_every_file_that_is_broken_and_every_test_of_it_is_there() -> None:
    for file, tests in TARGETS.items():
        assert all((ROOT / path.partition("::")[0]).exists() for path in (file, *tests)), file
