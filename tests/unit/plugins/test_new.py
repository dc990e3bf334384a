"""`mepassad plugin new`: what it makes keeps the rules of code, and it never overwrites.

That it can be installed and passes its tests is shown in tests/documents/test_three_plugins.py.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from mepassad import __version__
from mepassad.api.permissions import PERMISSIONS
from mepassad.cli.main import main
from mepassad.cli.new import EXAMPLES, make, sources
from mepassad.installed import PERMISSION_GROUP
from mepassad.plugins import GROUP

ROOT = Path(__file__).parents[3]
LONG = "a_name_that_is_as_long_as_names_are"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, without a configuration; English."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LANGUAGE", "en")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def types(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What mypy found out of mepassad, for all plugins."""
    return tmp_path_factory.mktemp("types")


def mepassad(*args: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(args)
    assert isinstance(left.value.code, int)
    return left.value.code


def run(*command: str, folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_new_plugin_says_who_it_is_and_what_it_asks_for(here: Path, kind: str) -> None:
    assert mepassad("plugin", "new", "my_own", "--kind", kind) == 0
    project = tomllib.loads((here / "mepassad-my-own" / "pyproject.toml").read_text())["project"]
    assert project["name"] == "mepassad-my-own"
    assert project["entry-points"][GROUP] == {"my_own": "mepassad_my_own.plugin"}
    for name, value in project["entry-points"][PERMISSION_GROUP].items():
        word = name.removeprefix("my_own.")
        assert (value, word in PERMISSIONS) == (f"mepassad.api.permissions:{word}", True)
    (core,) = [Requirement(one) for one in project["dependencies"] if Requirement(one).name == "mepassad"]
    assert core.specifier.contains(__version__)
    assert len(core.specifier) == 2
    for path in here.rglob("*"):
        text = path.read_text() if path.is_file() else ""
        assert EXAMPLES[kind] not in f"{path}{text}"
        assert EXAMPLES[kind].replace("_", "-") not in f"{path}{text}"


@pytest.mark.parametrize("kind", EXAMPLES)
@pytest.mark.parametrize("name", ["x", LONG])
def test_a_new_plugin_keeps_the_rules_of_style(here: Path, kind: str, name: str) -> None:
    make(here / "made", name, kind)
    ruff = str(Path(sys.executable).with_name("ruff"))
    run(ruff, "check", "--no-cache", ".", folder=here / "made")
    run(ruff, "format", "--no-cache", "--check", ".", folder=here / "made")


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_new_plugin_keeps_the_rules_of_types(here: Path, types: Path, kind: str) -> None:
    make(here / "made", f"x_{kind}", kind)
    out = run(sys.executable, "-m", "mypy", "--cache-dir", str(types), ".", folder=here / "made")
    assert out.startswith("Success: no issues found in ")


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_new_plugin_imports_of_mepassad_only_its_api(here: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make(here / "made", f"alone_{kind}", kind)
    monkeypatch.syspath_prepend(here / "made")
    importlib.import_module(f"mepassad_alone_{kind}.plugin")
    for path in (here / "made" / f"mepassad_alone_{kind}").glob("*.py"):
        for line in path.read_text().splitlines():
            if line.startswith(("from mepassad.", "import mepassad")):
                assert line.startswith("from mepassad.api"), (path.name, line)


def test_nothing_is_overwritten(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for make_it in (Path.mkdir, Path.touch):
        path = here / "mepassad-mine"
        make_it(path)
        assert mepassad("plugin", "new", "mine", "--kind", "filter") == 2
        assert "There is something at mepassad-mine already." in capsys.readouterr().err
        assert [found.name for found in here.iterdir()] == ["mepassad-mine"]
        assert path.is_file() or not list(path.iterdir())
        path.rmdir() if path.is_dir() else path.unlink()


@pytest.mark.parametrize("name", ["../up", "Mine", "my-own", "1st", "", "a.b", "é", "a" * 65])
def test_a_name_that_no_plugin_can_have_is_refused(here: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert mepassad("plugin", "new", "--kind", "filter", "--", name) == 2
    assert "A plugin's name is of small letters, digits and underscores" in capsys.readouterr().err
    assert not list(here.iterdir())


@pytest.mark.parametrize("name", ["sqlite", "transport_libp2p", "node", "permissions"])
def test_a_name_that_is_taken_is_refused(here: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert mepassad("plugin", "new", name, "--kind", "store") == 2
    assert f"The name '{name}' is taken." in capsys.readouterr().err
    assert not list(here.iterdir())


def test_a_kind_that_there_is_not_is_refused_and_neither_configuration_nor_daemon_is_needed(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mepassad("plugin", "new", "mine", "--kind", "teleport") == 2
    assert not list(here.iterdir())
    monkeypatch.setenv("MEPASSAD_CONFIG", str(here / "none.yaml"))
    assert mepassad("plugin", "new", "mine", "--kind", "store") == 0


def test_what_a_run_left_behind_is_not_a_part_of_a_plugin() -> None:
    for kind in EXAMPLES:
        assert {Path(path).suffix for path in sources(kind, "x")} == {".py", ".toml", ".md"}
