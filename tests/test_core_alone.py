"""The core without any other distribution: its wheel in a fresh environment runs local-only and passes its own tests.

The environment holds what the wheel requires and the test tools, taken from the environment that runs this test: no
network is needed. What runs in it is a choice of the core's tests: the contracts, one flow that
needs no transport, and the unit tests, but for the rooms of which they take the longest, and which import
no more than the others, and those that compare the core with other libraries.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.environments import ROOT, Environment, closure, passed, run, wheels

TOOLS = ("babel", "hypothesis", "jsonschema", "pytest", "pytest-timeout", "xeddsa")
# Tests of this repository rather than of the core: they compare it with files that a wheel does not have.
OF_THE_REPOSITORY = ("generated_documents", "catalogues_are_current")
LONG = ("store_sqlite", "mailbox_sqlite", "vault", "wire", "crypto_signal", "delivery", "config", "rpc")
# Tests that use other distributions too.
OTHERS = (
    "test_published_vectors.py", "test_crypto_olm.py", "test_new.py", "test_doctor.py", "test_profile.py",
    "test_check_config.py",
)  # fmt: skip
LEFT_OUT = ("sdk", "bench", "scripts", *OTHERS, *LONG)
SECONDS = 240  # on cores that others use as well; alone it takes half a minute

pytestmark = pytest.mark.timeout(SECONDS)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has only the core and test tools."""
    folder = tmp_path_factory.mktemp("alone")
    environment = Environment(folder / "venv")
    (core,) = environment.install(*wheels(folder, ROOT))
    environment.lend(closure([*(core.requires or ()), *TOOLS]), folder / "lent")
    return environment.python


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tests and what they read, without the sources, so that only the wheel can be what is tested."""
    folder = tmp_path_factory.mktemp("w")
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__", *LEFT_OUT))
    shutil.copytree(ROOT / "docs", folder / "docs")
    for name in ("conftest.py", "pyproject.toml", "config.yaml"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.mark.parametrize("name", ["libp2p", "trio", "mepassa", "mepassad_transport_libp2p"])
def test_the_environment_of_the_core_has_nothing_else_of_this_repository(alone: Path, name: str) -> None:
    done = subprocess.run([alone, "-c", f"import {name}"], capture_output=True, text=True, cwd="/", check=False)
    assert f"ModuleNotFoundError: No module named '{name}'" in done.stderr
    where = run(alone, "-c", "import mepassad; print(mepassad.__file__)", cwd=Path("/")).stdout
    assert Path(where).is_relative_to(alone.parents[1])


def test_the_core_alone_runs_local_only_and_its_accounts_chat(alone: Path, checkout: Path) -> None:
    flow = "tests/flows/test_accounts_of_one_node.py::test_two_accounts_of_one_node_become_contacts_and_chat"
    assert passed(alone, checkout, f"{flow}[local only]") == 1


@pytest.mark.timeout(900)  # a suite of its own
def test_the_core_alone_passes_its_own_tests(alone: Path, checkout: Path) -> None:
    of_the_repository = " or ".join(OF_THE_REPOSITORY)
    assert passed(alone, checkout, "tests/unit", "tests/contract", "-k", f"not ({of_the_repository})") > 500
