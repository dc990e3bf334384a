"""Tab completes `mepassa` in a real bash, names of contacts included, and no name that somebody chose is ever run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from click.testing import CliRunner
from commanding import contact, with_contacts
from mepassa.cli import main
from mepassa.cli.completion import SHELLS
from wire_node import WireNode

HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "a;touch pwned",
    "'touch",
    'a"b',
    "*",
    "a\\b",
    "-\x1b[2J",
    "a\nb",
    "~root",
]

COMPLETE = """
cd "$FOLDER"
eval "$(mepassa completion bash)"
COMP_WORDS=("$@")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_mepassa_completion mepassa
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def bash(tmp_path: Path) -> Path:
    """A folder with the command on its own, and bash to complete it."""
    if shutil.which("bash") is None:
        pytest.skip("there is no bash here")
    command = tmp_path / "mepassa"
    command.write_text(f"#!{sys.executable}\nfrom mepassa.cli import main\nmain(prog_name='mepassa')\n")
    command.chmod(0o755)
    return tmp_path


async def completed(folder: Path, *words: str) -> list[str]:
    """What bash would put in place of the last of the words."""
    environ = {"PATH": f"{folder}:/usr/bin:/bin", "FOLDER": str(folder), "LANGUAGE": "en", "HOME": str(folder)}
    command = ["bash", "--norc", "-c", COMPLETE, "bash", "mepassa", *words]
    done = await anyio.run_process(command, stderr=subprocess.STDOUT, env=environ)
    return done.stdout.decode().splitlines()


async def test_sub_commands_and_options_are_completed(bash: Path) -> None:
    assert await completed(bash, "s") == ["search", "send", "status"]
    assert await completed(bash, "tokens", "") == ["create", "list", "revoke"]
    assert await completed(bash, "invite", "--p") == ["--png"]


async def test_names_of_contacts_are_completed_as_bash_takes_them(bash: Path, node: WireNode) -> None:
    with_contacts(node, contact("mp1a", "Ana Maria"), contact("mp1b", "Bo"), contact("mp1c", "João"), contact("mp1d"))
    at = ["--socket", str(node.path)]
    assert await completed(bash, *at, "chat", "") == ["Ana\\ Maria", "Bo", "João", "mp1d"]
    assert await completed(bash, *at, "contacts", "rename", "an") == ["Ana\\ Maria"]
    assert await completed(bash, *at, "send", "Ana\\ M") == ["Ana\\ Maria"]
    assert await completed(bash, *at, "send", "Zé") == [""]


async def test_a_name_that_a_shell_would_obey_is_completed_by_its_id(bash: Path, node: WireNode) -> None:
    with_contacts(node, *(contact(f"mp1x{n}", name) for n, name in enumerate(HOSTILE)))
    found = await completed(bash, "--socket", str(node.path), "chat", "")
    assert found == [f"mp1x{n}" for n in range(len(HOSTILE))]
    assert not (bash / "pwned").exists()


async def test_without_a_node_tab_says_nothing(bash: Path) -> None:
    assert await completed(bash, "--socket", str(bash / "none"), "chat", "") == [""]
    assert await completed(bash, "--token-file", str(bash / "none"), "chat", "") == [""]


@pytest.mark.parametrize("shell", SHELLS)
def test_there_is_a_script_for_each_shell(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    assert f"_MEPASSA_COMPLETE={shell}_complete" in result.stdout
    assert CliRunner().invoke(main, ["completion", "cmd"]).exit_code == 2
