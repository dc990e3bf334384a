"""The budget of a message: whose CPU a sample is."""

from __future__ import annotations

import pytest

from bench.budget import ROOT, stage_of

MODULES = sorted((ROOT / "mepassad" / "delivery").glob("[!_]*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_every_module_of_a_messages_way_has_a_stage_of_its_own(module: object) -> None:
    assert stage_of([f"{module}:1:anything", "/usr/lib/python3/asyncio/events.py:1:run"]) != "event loop"


def test_a_sample_belongs_to_its_innermost_frame_that_has_a_stage() -> None:
    link, router = (f"{ROOT}/mepassad/delivery/{name}.py:1:anything" for name in ("link", "router"))
    assert stage_of(["/usr/lib/python3/json.py:1:dumps", link, f"{ROOT}/mepassad/rpc/session.py:1:call", router]) == (
        "frames and links"
    )
    assert stage_of(["/usr/lib/python3/json.py:1:dumps"]) == "event loop"
