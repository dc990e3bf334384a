"""A js-libp2p peer in a process of its own: js/peer.mjs, spoken to in lines of JSON."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from mepassad.api.types import NodeId
from mepassad.testing.transport_node import TIMEOUT

PROGRAM = Path(__file__).parent / "js" / "peer.mjs"
PACKAGES = Path(sys.prefix) / "js"  # where scripts/js-packages put them
NODE = PACKAGES / "node_modules" / ".bin" / "node"


class JsFailed(Exception):
    """What the JavaScript side raised."""


class JsPeer:
    """A running peer: who it is, where it listens, and what it is told to do."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until it listens."""
        self._process = process
        self._numbers = itertools.count()
        hello = self._line()
        self.id, self.addresses = NodeId(hello["peer"]), tuple(hello["addresses"])

    async def call(self, do: str, **options: Any) -> dict[str, Any]:
        """Have a command done, one at a time. Raises `JsFailed`."""
        number = next(self._numbers)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "do": do, **options}).encode() + b"\n")
        self._process.stdin.flush()
        with anyio.fail_after(TIMEOUT):
            answer = await anyio.to_thread.run_sync(self._line, abandon_on_cancel=True)
        assert answer["id"] == number
        if "error" in answer:
            raise JsFailed(answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the JavaScript side has ended"
        found: dict[str, Any] = json.loads(line)
        return found

    def kill(self) -> None:
        """End it where it stands."""
        self._process.kill()
        self._process.wait()


@contextmanager
def js_peer(transport: str, security: str, *wrapper: str, host: str = "127.0.0.1", role: str = "") -> Iterator[JsPeer]:
    """A peer that listens on `host`. `wrapper`: a command to run it under; `role`: relay, or none."""
    # A program that is handed over as text finds the packages of the folder it runs in.
    node = [NODE, "--input-type=module", "--eval", PROGRAM.read_text(), "--"]
    command = [*wrapper, *node, transport, security, host, role]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PACKAGES) as process:
        try:
            yield JsPeer(process)
        finally:
            process.kill()
