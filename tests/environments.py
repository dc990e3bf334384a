"""Virtual environments for tests: a wheel of this repository, what it requires, and nothing else. No network is needed:
what a wheel requires is taken from the environment that runs the tests.
"""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from tests.daemon import clean_environment

ROOT = Path(__file__).parents[1]


class Environment:
    """A virtual environment with wheels in it."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False, symlinks=True)
        self.python = folder / "bin" / "python"
        (self.packages,) = folder.glob("lib/python*/site-packages")

    def install(self, *wheels: Path) -> list[Distribution]:
        """Install wheels without what they require; what is installed here then."""
        run(sys.executable, "-m", "pip", "--python", self.python, "install", "--no-deps", "--no-index", *wheels)
        return list(Distribution.discover(path=[str(self.packages)]))

    def lend(self, distributions: Iterable[Distribution], folder: Path) -> None:
        """Make distributions of the running environment importable here, and nothing else of it."""
        for file in (file for one in distributions for file in one.files or () if ".." not in file.parts):
            link = folder / file
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                link.symlink_to(file.locate())
        (self.packages / "lent.pth").write_text(f"{folder}\n")


def run(*command: str | Path, cwd: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command, and show what it wrote if it fails."""
    done = subprocess.run(
        command, cwd=cwd, env=clean_environment() | environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def wheels(folder: Path, *sources: Path) -> list[Path]:
    """The wheels of distributions, made in a folder."""
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder, *sources)
    return sorted(folder.glob("*.whl"))


def closure(requirements: Iterable[str]) -> Iterator[Distribution]:
    """The installed distributions that requirements need, directly or not."""
    waiting, known = [Requirement(line) for line in requirements], set[str]()
    while waiting:
        wanted = waiting.pop()
        if wanted.name.lower() in known or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        known.add(wanted.name.lower())
        found = distribution(wanted.name)
        yield found
        waiting += map(Requirement, found.requires or ())


def passed(python: Path, folder: Path, *arguments: str | Path) -> int:
    """Run tests in a folder; how many there were. All must pass, and none may be skipped."""
    command = (python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments)
    end = run(*command, cwd=folder, CI="true", PYTHONDONTWRITEBYTECODE="1").stdout
    counts = re.search(r"^(\d+) passed(, \d+ deselected)? in ", end, re.MULTILINE)
    assert counts, end
    return int(counts[1])
