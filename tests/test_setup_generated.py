"""What protoc generated is what it would generate now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DISTRIBUTIONS = [ROOT / "mepassad", ROOT / "sdk", ROOT / "plugins"]
SCHEMAS = sorted(path for folder in DISTRIBUTIONS for path in folder.rglob("*.proto"))


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda path: path.name)
def test_the_code_of_a_protobuf_schema_is_current(schema: Path, tmp_path: Path) -> None:
    distribution = next(folder for folder in schema.parents if (folder / "pyproject.toml").exists())
    name = schema.relative_to(distribution)
    command = [
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        "-I",
        ".",
        f"--python_out={tmp_path}",
        f"--pyi_out={tmp_path}",
    ]
    subprocess.run([*command, str(name)], cwd=distribution, check=True, timeout=60)
    for suffix in ("_pb2.py", "_pb2.pyi"):
        file = name.with_name(name.stem + suffix)
        assert (distribution / file).read_bytes() == (tmp_path / file).read_bytes(), "stale, run `make gen`"
