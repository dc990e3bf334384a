"""Distributions for tests, as an installer leaves them: a module, and a folder `*.dist-info` with their metadata."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from mepassad.installed import PERMISSION_GROUP
from mepassad.plugins import GROUP

PERMISSIONS = "mepassad.api.permissions"


class Site:
    """A folder on the path of this process, into which distributions are installed."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder.mkdir()
        monkeypatch.syspath_prepend(folder)
        self.folder, self._monkeypatch = folder, monkeypatch

    def install(
        self,
        name: str,
        source: str = "",
        *,
        distribution: str = "",
        version: str = "1.0",
        requires: Iterable[str] = ("mepassad>=0.1",),
        permissions: Iterable[str] = (),
        lines: Iterable[str] = (),
    ) -> None:
        """Install the distribution `made-up-<name>` with one plugin, whose module is `made_up_<name>`.

        `lines`: more lines of `mepassad.permissions` than those of `permissions`.
        """
        distribution = distribution or f"made-up-{name.replace('_', '-')}"
        module = f"made_up_{re.sub(r'[^a-z]', '_', distribution.lower().removeprefix('made-up-'))}"
        (self.folder / f"{module}.py").write_text(f"from mepassad.api import hookimpl\n{source}", encoding="utf-8")
        self._monkeypatch.delitem(sys.modules, module, raising=False)
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        required = "".join(f"Requires-Dist: {one}\n" for one in requires)
        (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {distribution}\nVersion: {version}\n{required}")
        asked = [*(f"{name}.{one} = {PERMISSIONS}:{one}" for one in permissions), *lines]
        points = [f"[{GROUP}]", f"{name} = {module}", f"[{PERMISSION_GROUP}]", *asked]
        (info / "entry_points.txt").write_text("\n".join(points) + "\n", encoding="utf-8")
