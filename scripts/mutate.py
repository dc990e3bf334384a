"""Break each check of the cryptography, one at a time, and see that a test fails: `make torture` runs this.

A mutant is the code with one comparison turned, one condition negated, one limit moved by one, one `raise` or call
dropped (scripts/mutants.py). The matching tests run on a copy of the tree; where they all pass, the mutant survives
and is printed. Each survivor needs a reason in scripts/survivors.toml, and each reason a survivor. What was found is
kept in .mutants.json, so that a run that was ended goes on where it was; other code or other tests are tried anew.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from scripts.mutants import Mutant, Mutants

VECTORS = "tests/vectors/test_our_code.py::test_our_code_agrees"
OTHERS = (
    VECTORS,
    "tests/contract/test_crypto_signal.py",
    "tests/unit/crypto_signal",
    "tests/properties/test_handshake_oracle.py",
    "tests/properties/test_ratchet_schedules.py",
    "tests/properties/test_ratchet_oracle.py",
)
TARGETS: Mapping[str, Sequence[str]] = {
    "mepassad/builtin/crypto_signal/handshake.py": ("tests/unit/crypto_signal/test_signal_handshake.py", *OTHERS),
    "mepassad/builtin/crypto_signal/ratchet.py": ("tests/unit/crypto_signal/test_signal_ratchet.py", *OTHERS),
    "mepassad/builtin/crypto_signal/prekeys.py": ("tests/unit/crypto_signal/test_signal_prekeys.py", *OTHERS),
    "mepassad/builtin/crypto_signal/keys.py": ("tests/unit/crypto_signal/test_signal_keys.py", *OTHERS),
    "mepassad/wire/identity.py": ("tests/unit/wire/test_identity.py", VECTORS),
    "mepassad/wire/invites.py": ("tests/unit/wire/test_invites.py", VECTORS),
    "mepassad/wire/content.py": ("tests/unit/wire/test_content.py", VECTORS),
    "mepassad/wire/padding.py": ("tests/unit/test_padding.py", VECTORS),
    "mepassad/wire/seal.py": ("tests/unit/wire/test_seal.py", VECTORS),
    "mepassad/wire/packets.py": ("tests/unit/wire/test_packets.py", VECTORS),
    "mepassad/wire/safety.py": ("tests/unit/wire/test_safety.py", VECTORS),
    "mepassad/wire/directory.py": (VECTORS, "tests/unit/delivery/test_restores.py"),
}
"""What is broken, and the fast tests that must notice, the likeliest first: one that fails ends a run."""

ROOT = Path(__file__).parents[1]
REASONS, FOUND = ROOT / "scripts" / "survivors.toml", ROOT / ".mutants.json"
COPIED = ("mepassad", "tests", "docs", "conftest.py", "pyproject.toml")
AT_ONCE = 2
PATIENCE = 30.0  # seconds beside twice the time that the tests take; a mutant may loop without end
MEMORY = 3 << 30  # bytes, since a mutant may also eat without end
LOOK = 0.01  # seconds between two looks at what has ended

# Imported once: each mutant runs in a fork, which is four times as fast as a Python of its own.
WARM = (
    "anyio.pytest_plugin",
    "cryptography.hazmat.primitives.asymmetric.mlkem",
    "cryptography.hazmat.primitives.ciphers.aead",
    "cryptography.hazmat.primitives.hpke",
    "doubleratchet",
    "google.protobuf.internal.builder",
    "hypothesis.stateful",
    "msgspec",
    "x3dh",
)
OPTIONS = ("-x", "-q", "--timeout=20", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")


def copy_to(folder: Path) -> Path:
    """A copy of the tree, in which one mutant at a time is tried."""
    folder.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)
    return folder


class Trial:
    """The tests, running against one source of a file in a process of its own."""

    def __init__(self, folder: Path, file: str, source: bytes, patience: float) -> None:
        """`folder` is a copy; it is as it was once this has ended."""
        self.folder, self._path = folder, folder / file
        self._kept, self._until = self._path.read_bytes(), time.monotonic() + patience
        self._path.write_bytes(source)
        sys.stdout.flush()
        self._process = os.fork()
        if self._process == 0:
            os._exit(self._run(TARGETS[file]))

    def _run(self, tests: Sequence[str]) -> int:
        """In the child. Only what the tests say counts, so everything else that goes wrong is a mutant killed."""
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        os.chdir(self.folder)
        sys.path.insert(0, str(self.folder))
        sys.dont_write_bytecode = True
        try:
            return int(pytest.main([*OPTIONS, *tests]))
        except BaseException:
            return 1

    def passed(self) -> bool | None:
        """Whether all tests passed; None while they run."""
        process, status = os.waitpid(self._process, os.WNOHANG)
        if process == 0 and time.monotonic() < self._until:
            return None
        if process == 0:
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
        self._path.write_bytes(self._kept)
        return process != 0 and status == 0


class Run:
    """Tries mutants, two at a time, and remembers what became of them."""

    def __init__(self, copies: Sequence[Path]) -> None:
        """`copies` of the tree, each for one trial at a time."""
        self._tree, self._free = copies[0], list(copies)
        self._found: dict[str, bool] = json.loads(FOUND.read_text()) if FOUND.exists() else {}

    def survivors(self, file: str) -> tuple[list[Mutant], list[Mutant]]:
        """All mutants of a file, and those that no test notices. Raises `RuntimeError` when the tests fail as it is."""
        source, digest = (self._tree / file).read_bytes(), _digest(self._tree, ("mepassad", *TARGETS[file]))
        mutants = Mutants(file, source).found
        keys = {_key(digest, file, mutant.applied(source)): mutant for mutant in mutants}
        unknown = deque(key for key in keys if key not in self._found)
        if unknown:
            patience = PATIENCE + 2 * self._time(file, source)
            self._try({key: keys[key].applied(source) for key in unknown}, file, patience)
        return mutants, [mutant for key, mutant in keys.items() if self._found[key]]

    def _time(self, file: str, source: bytes) -> float:
        """How many seconds the tests take as things are."""
        began, trial = time.monotonic(), Trial(self._free[0], file, source, 20 * PATIENCE)
        while (passed := trial.passed()) is None:
            time.sleep(LOOK)
        if not passed:
            raise RuntimeError(f"The tests of {file} fail as it is.")
        return time.monotonic() - began

    def _try(self, changed: Mapping[str, bytes], file: str, patience: float) -> None:
        waiting, running = deque(changed.items()), dict[str, Trial]()
        while waiting or running:
            while waiting and self._free:
                key, source = waiting.popleft()
                running[key] = Trial(self._free.pop(), file, source, patience)
            for key, trial in list(running.items()):
                passed = trial.passed()
                if passed is not None:
                    self._free.append(running.pop(key).folder)
                    self._found[key] = passed
                    FOUND.write_text(json.dumps(self._found))
            time.sleep(LOOK)


def _key(digest: bytes, file: str, source: bytes) -> str:
    return hashlib.sha256(digest + file.encode() + source).hexdigest()


def _digest(tree: Path, names: Sequence[str]) -> bytes:
    """What the code and its tests are: a hash of their texts."""
    found = hashlib.sha256()
    for name in names:
        path = tree / name.partition("::")[0]
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            found.update(file.read_bytes())
    return found.digest()


# -- what is told


def reasons() -> dict[tuple[str, str, str], str]:
    """Why a mutant may survive, by file, text of the line, and change."""
    rows = tomllib.loads(REASONS.read_text()).get("survivor", [])
    return {(row["file"], row["line"], row["change"]): row["reason"] for row in rows}


def judge(file: str, survivors: Sequence[Mutant]) -> Iterator[str]:
    """What is wrong: survivors without a reason, and reasons without a survivor."""
    known = {(mutant.file, mutant.text, mutant.change) for mutant in survivors}
    given = {key for key in reasons() if key[0] == file}
    yield from (f"survives: {mutant}" for mutant in survivors if (file, mutant.text, mutant.change) not in given)
    yield from (
        f"killed, or gone, so its reason is stale: {file}: {text}: {change}" for _, text, change in given - known
    )


def main() -> None:
    """Try the mutants of all files, or of those whose path has one of the words given. Ends with 1 if one survives."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("words", nargs="*", help="only files whose path has one of these in it")
    words = parser.parse_args().words
    settings.register_profile("short", database=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
    settings.load_profile("short")  # what fails need not become a short example
    for name in WARM:
        importlib.import_module(name)
    chosen = [file for file in TARGETS if not words or any(word in file for word in words)]
    wrong, tried, explained = list[str](), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        run = Run([copy_to(Path(folder, str(number))) for number in range(AT_ONCE)])
        for file in chosen:
            mutants, survivors = run.survivors(file)
            found = list(judge(file, survivors))
            sys.stdout.write("\n".join([f"{file}: {len(mutants)} mutants, {len(survivors)} survive", *found]) + "\n")
            sys.stdout.flush()
            wrong, tried, explained = wrong + found, tried + len(mutants), explained + len(survivors)
    sys.stdout.write(f"{tried} mutants, {tried - explained} killed, {explained} survive, {len(wrong)} things wrong\n")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
