"""The papers on the cures are true: each file is listed, each test named in ADR 0020 exists, the version is pinned."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

PLUGIN = Path(__file__).parents[1]
ADR = PLUGIN.parents[1] / "docs" / "adr" / "0020-what-py-libp2p-needs.md"


def test_every_cure_is_in_the_readme_and_in_the_adr() -> None:
    files = {path.name for path in (PLUGIN / "mepassad_transport_libp2p" / "compat").glob("*.py")} - {"__init__.py"}
    table = (PLUGIN / "README.md").read_text(encoding="utf-8").partition("## Cures")[2]
    assert files - set(re.findall(r"`(\w+\.py)`", table)) == set()
    shared = {"circuit.py"}
    assert files - set(re.findall(r"`(\w+\.py)`", ADR.read_text(encoding="utf-8"))) == shared


def test_every_test_that_the_adr_names_is_there() -> None:
    named = re.findall(r"(\w+): ((?:`\w+`(?:, )?)+)", ADR.read_text(encoding="utf-8"))
    assert len(named) > 25
    for area, names in named:
        tests = (PLUGIN / "tests" / f"test_cures_of_{area}.py").read_text(encoding="utf-8")
        for name in re.findall(r"`(\w+)`", names):
            assert f"def test_{name}" in tests, f"{area}: {name}"


def test_the_library_is_pinned_to_the_version_that_the_cures_are_for() -> None:
    dependencies = tomllib.loads((PLUGIN / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    assert "libp2p==0.8.1" in dependencies
    assert version("libp2p") == "0.8.1"
