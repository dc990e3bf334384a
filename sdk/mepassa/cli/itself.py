"""How the command `mepassa` is called in another terminal, for sentences that say what to type."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path


def itself(*words: str) -> str:
    """The command with these words: by its name where that finds it, else by its path, from this folder if it is
    inside."""
    beside = Path(sys.executable).with_name("mepassa")
    on_path = shutil.which("mepassa")
    if not beside.is_file() or (on_path is not None and beside.samefile(on_path)):
        return shlex.join(["mepassa", *words])
    inside = beside.is_relative_to(Path.cwd())
    return shlex.join([str(beside.relative_to(Path.cwd()) if inside else beside), *words])
