"""A copy of this repository as somebody has it who has just cloned it, and what spares its set-up the network."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path

from tests.documents.blocks import ROOT

PACKAGES = Path(sysconfig.get_path("purelib"))
"""The packages of the environment that runs the tests. On PYTHONPATH, they are all that `make setup` would download:
it finds them installed, and what is left to it is the environment, the distributions of the copy and their commands."""


def copy(folder: Path) -> Path:
    """A copy, with what is not committed yet, as a repository of its own."""
    files = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, files):
        if (ROOT / name).exists():  # one that was removed is listed until that is committed
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name, follow_symlinks=False)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=copy", "-c", "user.email=copy@example.org", "commit", "--quiet", "--message=Copy")
    return folder


def git(folder: Path, *words: str) -> str:
    """Run git in a folder; what it says."""
    return subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=True, timeout=60).stdout
