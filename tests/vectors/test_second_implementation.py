"""The texts of the protocol suffice: an implementation written from them alone agrees with every published vector."""

from __future__ import annotations

import ast
import sys
from importlib import import_module
from pathlib import Path

import pytest
from published import Case, cases, documents
from second.refused import Refused

SECOND = Path(__file__).parent / "second"
LAYERS = {layer: import_module(f"second.{layer}") for layer in documents()}


@pytest.mark.parametrize("case", cases(), ids=str)
def test_the_second_implementation_agrees(case: Case) -> None:
    function = case.function(LAYERS)
    try:
        found = {"out": function(**case.inputs)}
    except Refused as refused:
        found = {"error": refused.name}
    assert found == case.expected


@pytest.mark.parametrize("path", sorted(SECOND.glob("*.py")), ids=lambda path: path.name)
def test_the_second_implementation_imports_nothing_of_ours(path: Path) -> None:
    allowed = {*sys.stdlib_module_names, "cryptography", "second"}
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert {name.split(".")[0] for name in names} <= allowed
    assert "mepassad" not in path.read_text().replace("mepassad's", "").replace("mepassa/", "")
