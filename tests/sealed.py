"""Data folders whose keys are sealed, for tests of real daemons."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from tests.daemon import MEPASSAD, Daemon, run

PASSPHRASE = "três macacos sábios"
CHEAP = {"memory_mb": 64}  # MiB: below what a daemon of the tests may use
ALONE: dict[str, Any] = {"plugins": [], "keys": CHEAP}


def passphrase_file(daemon: Daemon, passphrase: str = PASSPHRASE) -> Path:
    """A file 0600 with a passphrase."""
    path = daemon.folder / "passphrase"
    path.touch(0o600)
    path.write_text(passphrase + "\n")
    return path


def command(daemon: Daemon, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return run(MEPASSAD, "--config", daemon.config_file, "passphrase", *words)


def seal(daemon: Daemon) -> str:
    """Give a folder the passphrase; what the command says. Its node finds the passphrase in a file from now on."""
    daemon.configure(keys={**CHEAP, "passphrase_file": str(passphrase_file(daemon))})
    done = command(daemon, "set", "--from-file", passphrase_file(daemon))
    assert done.returncode == 0, done.stderr
    return done.stdout
