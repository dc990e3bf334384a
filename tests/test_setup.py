"""The set-up: the lock, the words of the Makefile, and what CI makes of a skipped test."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from tests.examples import FULL

ROOT = Path(__file__).parents[1]


def run(*command: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("COV")}
    return subprocess.run(command, capture_output=True, text=True, env=clean | environ, timeout=60, check=False)


def requirements(name: str) -> set[str]:
    """The names that a requirements file opens a line with."""
    lines = (ROOT / name).read_text().splitlines()
    return {match[0].lower().replace("_", "-") for line in lines if (match := re.match(r"[A-Za-z0-9_-]+", line))}


def test_the_lock_names_no_index_and_gives_every_requirement_a_hash() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"://|--(extra-)?index|--find-links", lock)
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        assert re.match(r"[a-z0-9._-]+==\S+", entry)
        assert "--hash=sha256:" in entry


def test_the_lock_holds_all_that_the_distributions_ask_for() -> None:
    import tomllib

    manifests = [ROOT / "pyproject.toml", ROOT / "sdk/pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml")]
    for manifest in manifests:
        data = tomllib.loads(manifest.read_text())
        for line in data["project"].get("dependencies", []) + data["build-system"]["requires"]:
            name = re.split(r"[<>=!~\[; ]", line)[0].lower()
            assert name in requirements("requirements.lock") | {"mepassad", "mepassa"}, f"{manifest}: {name}"
    assert requirements("requirements.in") <= requirements("requirements.lock")


def test_an_older_python_is_refused_with_a_sentence(tmp_path: Path) -> None:
    old = tmp_path / "python-old"
    old.write_text(f"#!/bin/sh\nsed 's/(3, 11)/(99, 0)/' | {sys.executable} -\n")
    old.chmod(0o755)
    done = run(ROOT / "scripts/set-up", old, ".")
    assert done.returncode == 1
    assert "mepassad needs Python 3.11 or newer" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_python_at_all_is_told_with_a_sentence() -> None:
    done = run(ROOT / "scripts/set-up", "python-nowhere", ".")
    assert done.returncode == 1
    assert "there is no 'python-nowhere' here" in done.stderr


def test_a_missing_program_is_named_with_its_install_line(tmp_path: Path) -> None:
    for tool in ("sh", "id"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    (tmp_path / "id").unlink()
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    done = run(ROOT / "scripts/system-packages", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "sudo apt-get install strace" in done.stderr
    assert "sudo apt-get install iproute2" in done.stderr
    assert "systemd" not in done.stderr  # one test is skipped without it


JS = ROOT / "plugins/transport_libp2p/tests/js"


def test_the_lock_of_the_javascript_names_no_registry_and_hashes_every_package() -> None:
    assert "omit-lockfile-registry-resolved=true" in (JS / ".npmrc").read_text()
    packages = json.loads((JS / "package-lock.json").read_text())["packages"]
    assert len(packages) > 100
    for path, package in packages.items():
        assert "resolved" not in package
        assert not path or package["integrity"].startswith("sha512-"), path


@pytest.mark.parametrize(("ci", "exit_code"), [("", 0), ("true", 1)])
def test_a_missing_npm_is_told_with_its_install_line_and_fails_on_ci_only(
    tmp_path: Path, ci: str, exit_code: int
) -> None:
    for tool in ("sh", "cmp"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    done = run(ROOT / "scripts/js-packages", JS, tmp_path / "js", PATH=str(tmp_path), CI=ci)
    assert done.returncode == exit_code
    assert "sudo apt-get install npm" in done.stderr


def test_the_javascript_is_installed_again_only_when_its_lock_changed(tmp_path: Path) -> None:
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    npm = bin_folder / "npm"
    npm.write_text(f"#!/bin/sh\necho npm $1 >> {tmp_path}/calls\n")
    npm.chmod(0o755)
    shutil.copytree(JS, tmp_path / "js")
    for lock in ("{}", "{}", '{"changed": 1}', '{"changed": 1}'):
        (tmp_path / "js/package-lock.json").write_text(lock)
        path = f"{bin_folder}:{os.environ['PATH']}"
        done = run(ROOT / "scripts/js-packages", tmp_path / "js", tmp_path / "target", PATH=path)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "calls").read_text() == "npm install\nnpm install\n"


def test_help_names_every_word_of_the_makefile() -> None:
    words = set(re.findall(r"^\.PHONY: (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"setup", "run", "demo", "test", "lint", "types", "gen", "bench", "torture", "help"} <= words
    assert words == set(re.findall(r"^  make (\S+)", run("make", "-C", str(ROOT), "help").stdout, re.MULTILINE))


def test_torture_sets_what_the_tests_it_runs_read() -> None:
    recipes = re.findall(r"^\t@(MEPASSAD_.*=\d+) .* (\S+\.py)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert len(recipes) == 4
    for setting, test in recipes:
        for variable in re.findall(r"(\w+)=", setting):
            assert f'os.environ.get("{variable}"' in (ROOT / test).read_text()


def test_torture_tries_all_examples_of_every_property() -> None:
    assert " --hypothesis-profile torture -m hypothesis\n" in (ROOT / "Makefile").read_text()
    assert settings.get_profile("torture").max_examples == FULL


SKIPPING = """
import pytest

def test_that_runs(): pass

@pytest.mark.skip(reason="no time")
def test_that_is_skipped(): pass
"""
SKIPPED_WHOLE = "import pytest\npytest.importorskip('no_such_module_anywhere')\n"


@pytest.mark.parametrize(("ci", "exit_code"), [("", 0), ("true", 1)])
@pytest.mark.parametrize("source", [SKIPPING, f"def test_that_runs(): pass\n{SKIPPED_WHOLE}"])
def test_a_skipped_test_is_a_failure_on_ci_only(tmp_path: Path, source: str, ci: str, exit_code: int) -> None:
    shutil.copy(ROOT / "conftest.py", tmp_path)
    (tmp_path / "test_some.py").write_text(source)
    (tmp_path / "test_other.py").write_text("def test_that_runs(): pass\n")
    done = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path, CI=ci)
    assert (done.returncode != 0) == bool(exit_code), done.stdout
    assert ("skipped, which CI does not allow" in done.stdout) == bool(ci)
