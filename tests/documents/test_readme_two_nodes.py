"""README, "Two nodes, two shells": both shells, typed as it says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.documents.blocks import ROOT
from tests.documents.shell import Shell, environment, mapped, terminal

SEARCH = "mepassa search --json bom dia"  # as the README's table has it


@pytest.mark.runs("README.md", "Two nodes, two shells")
@pytest.mark.runs("README.md", "Your own bot in five commands", "python")
def test_ana_and_bia_become_contacts_and_the_bot_answers(texts: list[str], place: Path) -> None:
    anas, bias, ended, bot = texts
    (place / "echo.py").write_text(bot)
    environ = environment(place)
    # A shell of each kind: what the README says must not be for one of them only.
    with Shell("dash", cwd=ROOT, environ=environ) as ana, Shell("bash", cwd=ROOT, environ=environ) as bia:
        link = ana.run(mapped(anas, {"/tmp/ana": place / "ana"})).splitlines()[0]
        assert link.startswith("mepassa:i/1/")
        shown = bia.run(mapped(bias, {"/tmp/bia": place / "bia", "mepassa:i/1/…": link}))
        assert re.search(r"^mp1\w+\tpending$", shown, re.MULTILINE)
        assert re.search(r"^delivered +direct +\d+\.\d ms$", shown, re.MULTILINE)
        account = ana.run("mepassa status | sed -n 's/^account *//p'").strip()
        anas_environ = {**environ, "MEPASSAD_SOCKET": f"{place}/ana/run/mepassad.sock"}
        with terminal(f"{sys.executable} echo.py --account {account}", place, anas_environ) as echo:
            bia.run(f"until {SEARCH} | grep -q '\"incoming\": true'; do sleep 1; done")
            echo.press("\x03")
            assert echo.exit_code() == 0
        ana.run(mapped(ended, {"/tmp/ana": place / "ana"}))
        bia.run(mapped(ended, {"/tmp/ana": place / "bia"}))
    assert [path.name for path in place.iterdir()] == ["echo.py"]
