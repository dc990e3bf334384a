"""The command where a standard stream is closed, or cannot show every text."""

from __future__ import annotations

import os
import subprocess
import sys

import anyio
import pytest
from commanding import answering, contact, message, with_contacts
from wire_node import WireNode

MEPASSA = (sys.executable, "-c", "from mepassa.cli import main; main()", "--socket")


async def shell(line: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """What a shell does with a line, in which `"$@"` is a command."""

    def run() -> subprocess.CompletedProcess[bytes]:
        command = ["sh", "-c", line, "sh", *MEPASSA, *arguments]
        return subprocess.run(
            command, capture_output=True, env={**os.environ, **environment}, timeout=60, check=False
        )  # fmt: skip

    return await anyio.to_thread.run_sync(run)


async def test_a_text_that_the_terminals_encoding_has_not_is_shown_all_the_same(node: WireNode) -> None:
    with_contacts(node, contact("mp1ana", "Ana"))
    node.methods["messages.list"] = answering(items=[message("m1", "olá \U0001f980")], next=None)
    done = await shell('"$@"', str(node.path), "history", "Ana", PYTHONIOENCODING="latin-1")
    assert done.stdout.endswith("Ana: ol\xe1 ".encode("latin-1") + b"\\U0001f980\n")
    assert (done.stderr, done.returncode) == (b"", 0)


@pytest.mark.parametrize(
    ("line", "arguments", "code"),
    [
        ('"$@" <&-', ["send", "mp1ana"], 0),
        ('"$@" <&-', ["chat", "mp1ana", "--history", "0"], 0),
        ('"$@" >&-', ["accounts", "create", "x"], 2),
        ('"$@" >&- 2>&- <&-', ["contacts"], 0),
    ],
)
async def test_a_closed_stream_is_an_empty_one(node: WireNode, line: str, arguments: list[str], code: int) -> None:
    with_contacts(node, contact("mp1ana", "Ana"))
    done = await shell(line, str(node.path), *arguments)
    assert (b"Traceback" in done.stderr, done.returncode) == (False, code)
