"""The cure of what py-libp2p imports works; a `…stock…` test that fails means that it may go."""

from __future__ import annotations

import subprocess
import sys

import pytest
from mepassad_transport_libp2p import postponed

OURS = "from mepassad_transport_libp2p.postponed import postpone; postpone(); import mepassad_transport_libp2p.host"
LOADED = "print(*sorted({'miniupnpc.miniupnpc', 'requests.api', 'rich', 'urllib3'} & set(sys.modules)))"


def fresh(*statements: str) -> list[str]:
    """What a new Python prints."""
    command = [sys.executable, "-c", "; ".join(("import sys", *statements))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_stock_libp2p_imports_http_clients_and_what_they_need() -> None:
    assert fresh("import libp2p", LOADED) == ["requests.api rich urllib3"]


def test_http_clients_are_not_imported_until_somebody_uses_them() -> None:
    found = "import importlib.util; print(importlib.util.find_spec('httpx').name)"
    used = "import requests; requests.get; from httpx import Client; import httpx; print(Client is httpx.Client)"
    assert fresh(OURS, LOADED, found, used, LOADED) == ["", "httpx", "True", "requests.api rich urllib3"]


def test_what_was_imported_before_stays() -> None:
    assert fresh("import httpx as before", OURS, "import httpx; print(httpx is before)") == ["True"]


def test_what_is_not_installed_is_not_pretended_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postponed, "POSTPONED", ("no_such_module",))
    postponed.postpone()
    assert "no_such_module" not in sys.modules
