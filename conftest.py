"""What every test of every distribution has: the daemon's event loop; and on CI no test may be skipped."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings

settings.register_profile("torture", deadline=None)  # how long an example takes says nothing on a shared machine
settings.register_profile("quick", settings.get_profile("torture"), max_examples=20)  # the others: `make torture`
settings.load_profile("quick")

ROOT = Path(__file__).parent
UNMEASURED = [
    *(ROOT / "tests" / folder for folder in ("flows", "lab", "documents", "properties")),
    ROOT / "tests/unit/sdk/test_bot_examples.py",
    *(ROOT / "plugins/transport_libp2p/tests" / f"test_{name}.py" for name in ("cures_of_hosts", "js", "js_relays")),
]
"""Tests of which coverage is to know nothing: of other processes, which it does not see, and of what runs long and
often, where to watch each line takes longer than to run it."""

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give tests that run side by side folders with names as short as otherwise: the path of a socket is limited."""
    given = getattr(config, "workerinput", None)
    if given is not None:
        config.option.basetemp = str(Path(config.option.basetemp).with_name(given["workerid"].removeprefix("gw")))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have coverage look away while tests run of which it is to know nothing."""
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in UNMEASURED):
            item.add_marker("no_cover")


@pytest.fixture
def anyio_backend() -> str:
    """The loop that async tests run on."""
    return "asyncio"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test was run, or skipped."""
    return _not_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A file was read, or skipped whole."""
    return _not_skipped((yield))


def _not_skipped(report: Report) -> Report:
    """A test that CI skips is one that nobody runs: there it fails, with the reason of the skip."""
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report
