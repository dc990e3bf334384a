"""`mepassad init --profile`: begins a configuration file for what the node is to be."""

from __future__ import annotations

import json
import os
import re
from importlib.resources import files
from pathlib import Path

import click

from mepassad.i18n import _

PROFILES = {"home": "person", "server": "node"}
"""What a node can be, and the kind of account that it begins with."""


def begin(path: Path | None, profile: str, name: str | None = None) -> Path:
    """Write the configuration of a profile to a new file, its path. `name`: of the account, if not the profile's own.
    Raises `click.UsageError`, `click.FileError`."""
    if path is None:
        raise click.UsageError(_("Say which file to write: mepassad --config PATH init --profile NAME"))
    text = (files("mepassad") / "scaffold" / "profiles" / f"{profile}.yaml").read_text(encoding="utf-8")
    if name is not None:
        quoted = json.dumps(name, ensure_ascii=False)  # which is YAML too
        text = re.sub(r"^  name: .*$", lambda _found: f"  name: {quoted}", text, count=1, flags=re.MULTILINE)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise click.UsageError(_("There is something at {path} already.").format(path=path)) from None
    except OSError as error:
        raise click.FileError(str(path), error.strerror) from None
    return path
