"""README, "As a system service", and the service of docs/at-rest.md: as root, on a machine of its own.

That machine is this one, but /etc, /opt, /run and /var/lib, its processes and its network are its own. systemd does not
run there; `systemctl` is tests/documents/systemctl.py.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.documents import systemctl
from tests.documents.checkout import PACKAGES, copy
from tests.documents.shell import Shell, environment, mapped, terminal

NAMESPACES = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
# The Python and the packages of these tests may lie where no other user can reach them: they are lent at these places.
PYTHON, LENT = "/mnt/python", "/mnt/lent"
PREPARED = f"""
ip link set lo up
mount -t tmpfs -o mode=755 tmpfs /mnt
cp -a /etc /mnt/etc
mkdir {PYTHON} {LENT} /mnt/bin
mount --bind /mnt/etc /etc
mount --bind {sys.base_prefix} {PYTHON}
mount --bind {PACKAGES} {LENT}
for folder in /opt /run /var/lib; do mount -t tmpfs -o mode=755 tmpfs $folder; done
printf '#!/bin/sh\\nexec {PYTHON}/bin/python3 {systemctl.__file__} "$@"\\n' > /mnt/bin/systemctl
chmod 755 /mnt/bin/systemctl
"""
UNIT = "/etc/systemd/system/mepassad.service"
ASK = "runuser -u mepassad -- /opt/mepassad/.venv/bin/mepassa --socket /var/lib/mepassad/run/mepassad.sock"
ACCOUNT = re.compile(r"^account\s+(mp1\w+)", re.MULTILINE)
PASSPHRASE = "três macacos sábios"


def why_not() -> str:
    """Why there can be no such machine here; "" where there can."""
    if os.geteuid():
        return "only root can make a machine of its own"
    missing = [name for name in ("systemd-analyze", "ip", "unshare") if shutil.which(name) is None]
    if missing:
        return f"there is no {', '.join(missing)}; scripts/system-packages knows the packages"
    return subprocess.run([*NAMESPACES, "true"], capture_output=True, text=True, check=False).stderr


@contextmanager
def machine(folder: Path) -> Iterator[Shell]:
    """A root's shell on a machine of its own, in a copy of this repository."""
    checkout, home = folder / "mepassad", folder / "home"
    environ = environment(home, PYTHONPATH=LENT, LD_LIBRARY_PATH=f"{PYTHON}/lib")
    environ["PATH"] = f"/mnt/bin:{environ['PATH']}"
    home.mkdir()
    with Shell(*NAMESPACES, "sh", cwd=copy(checkout), environ=environ) as root:
        root.run(PREPARED)
        yield root


def at_a_terminal(root: Shell, block: str) -> str:
    """The command that runs a block on the machine of a shell."""
    (first,) = Path(f"/proc/{root.process.pid}/task/{root.process.pid}/children").read_text().split()
    return shlex.join(["nsenter", "--target", first, "--mount", "--net", "--pid", "sh", "-ec", block])


@pytest.mark.timeout(240)  # on cores that others use as well; alone it takes 20 seconds
@pytest.mark.skipif(bool(why_not()), reason=why_not())
@pytest.mark.runs("README.md", "As a system service")
@pytest.mark.runs("docs/at-rest.md", "Where the node finds it")
def test_the_node_runs_as_its_own_user_and_finds_its_passphrase_in_a_credential(texts: list[str], place: Path) -> None:
    installed, unit, started, credential, sealed = texts
    with machine(place) as root:
        root.run(mapped(installed, {"/usr/bin/python3": f"{PYTHON}/bin/python3"}))
        root.run(f"cat > {UNIT} <<'END'\n{unit}END")
        account = ACCOUNT.findall(root.run(started))
        assert len(account) == 1
        assert root.run("stat --format '%U %a' /var/lib/mepassad /var/lib/mepassad/node.db") == (
            "mepassad 700\nmepassad 600\n"
        )
        root.run("test -s /var/lib/mepassad/recovery-words-*.txt")
        with terminal(at_a_terminal(root, sealed), place, root.environ) as shown:
            shown.answer("New passphrase: ", PASSPHRASE)
            shown.answer("once more: ", PASSPHRASE)
            assert shown.exit_code() == 0, shown.shown
        root.run(f"mkdir {UNIT}.d; cat > {UNIT}.d/passphrase.conf <<'END'\n{credential}END")
        root.run(f"umask 077; printf '%s\\n' '{PASSPHRASE}' > /etc/mepassad/passphrase")
        root.run("systemctl daemon-reload; systemctl start mepassad")
        assert ACCOUNT.findall(root.run(f"{ASK} status")) == account
