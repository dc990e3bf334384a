"""Commands of documents that take minutes: `make` says what it would do, and `bench` reads its command line.

The words of the Makefile are run whole by CI, and the workloads of `bench` in tests/unit/bench.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from bench import __main__ as bench
from tests.documents.blocks import ROOT
from tests.documents.shell import Shell, environment

DRY = 'make() { command make --dry-run "$@"; }'


@pytest.mark.runs("CONTRIBUTING.md", "Before you send it")
def test_make_checks_style_types_and_tests(texts: list[str], place: Path) -> None:
    (block,) = texts
    with Shell("sh", cwd=ROOT, environ=environment(place)) as shell:
        shell.run(DRY)
        told = shell.run(block)
    for command in ("ruff check .", "lint-imports", "mypy mepassad", "-m pytest"):
        assert f".venv/bin/{command}" in told or f".venv/bin/python {command}" in told


@pytest.mark.runs("docs/performance.md")
def test_bench_knows_the_command_lines_of_its_document(
    texts: list[str], place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = texts
    python = ".venv/bin/python -m bench"
    with Shell("sh", cwd=ROOT, environ=environment(place)) as shell:
        shell.run(DRY)
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words[0] == "make":
                assert python in shell.run(line)
            else:
                assert " ".join(words[:3]) == python
                monkeypatch.setattr(sys, "argv", words[2:])
                _understood(words)
    assert "workloads (without any: floor, pingpong" in capsys.readouterr().out


def _understood(words: list[str]) -> None:
    if words[-1] == "--help":
        with pytest.raises(SystemExit) as ended:
            bench.options()
        assert ended.value.code == 0
    else:
        chosen = bench.options()
        named = [word for word in words[3:] if not word.startswith("-")]
        assert list(chosen.workloads) == (named or list(bench.WORKLOADS))
