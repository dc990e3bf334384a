"""Stands in for `systemctl` where systemd does not run: the unit is checked and enabled by systemd's own commands, and
its process started as the unit says, but for the walls that only systemd can build, NoNewPrivileges and below."""

from __future__ import annotations

import configparser
import os
import pwd
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

UNITS, STATES, RUN = Path("/etc/systemd/system"), Path("/var/lib"), Path("/run")
READY_WITHIN = 120  # seconds; on cores that others use as well
LENT = ("PYTHONPATH", "LD_LIBRARY_PATH", "PATH", "LANG")  # what tests/documents/test_service.py lends


def check(unit: str) -> None:
    """Have systemd find what is wrong with a unit. Exits with what it says."""
    command = ["systemd-analyze", "verify", "--man=no", UNITS / f"{unit}.service"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or done.stderr:
        sys.exit(f"systemd-analyze says: {done.stderr}")


def start(unit: str) -> None:
    """Start the process of a unit, as its user, with the folders that systemd makes for it."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read([UNITS / f"{unit}.service", *sorted((UNITS / f"{unit}.service.d").glob("*.conf"))])
    service = parser["Service"]
    state, credentials = STATES / service["StateDirectory"], RUN / "credentials" / unit
    for folder, mode in ((state, int(service["StateDirectoryMode"], 8)), (credentials, 0o700)):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(mode)
    environ = {"HOME": str(state), "STATE_DIRECTORY": str(state)}
    if "LoadCredential" in service:
        name, _, source = service["LoadCredential"].partition(":")
        shutil.copy(source, credentials / name)
        environ["CREDENTIALS_DIRECTORY"] = str(credentials)
    if "RuntimeDirectory" in service:
        (RUN / service["RuntimeDirectory"]).mkdir(exist_ok=True)
        shutil.chown(RUN / service["RuntimeDirectory"], service["User"], service["User"])
    for path in (state, credentials, *credentials.iterdir()):
        shutil.chown(path, service["User"], service["User"])
    environ |= dict(one.split("=", 1) for one in shlex.split(service.get("Environment", "")))
    own = os.getgrouplist(service["User"], pwd.getpwnam(service["User"]).pw_gid)
    groups = [*own, *service.get("SupplementaryGroups", "").split()]
    ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    if service.get("Type") == "notify":
        environ["NOTIFY_SOCKET"] = str(RUN / f"{unit}.notify")
        Path(environ["NOTIFY_SOCKET"]).unlink(missing_ok=True)
        ready.bind(environ["NOTIFY_SOCKET"])
        shutil.chown(environ["NOTIFY_SOCKET"], service["User"], service["User"])
    with ready, (RUN / f"{unit}.log").open("ab") as log:
        process = subprocess.Popen(
            shlex.split(service["ExecStart"]), user=service["User"], group=service["User"], extra_groups=groups,
            umask=int(service["UMask"], 8), env={**{name: os.environ[name] for name in LENT}, **environ}, cwd="/",
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        (RUN / f"{unit}.pid").write_text(str(process.pid))
        if "NOTIFY_SOCKET" in environ:
            ready.settimeout(READY_WITHIN)
            while ready.recv(4096) != b"READY=1":
                pass


def stop(unit: str) -> None:
    """End the process of a unit and wait for its end."""
    process = os.pidfd_open(int((RUN / f"{unit}.pid").read_text()))
    signal.pidfd_send_signal(process, signal.SIGTERM)
    select.select([process], [], [])


def main(words: list[str]) -> None:
    """Do what the documents have systemctl do; exits with a sentence at anything else."""
    match words:
        case ["daemon-reload"]:
            for path in UNITS.glob("*.service"):
                check(path.stem)
        case ["enable", "--now", unit]:
            subprocess.run(["/usr/bin/systemctl", "--root=/", "enable", unit], check=True)
            start(unit)
        case ["start", unit]:
            start(unit)
        case ["stop", unit]:
            stop(unit)
        case ["restart", unit]:
            stop(unit)
            start(unit)
        case _:
            sys.exit(f"tests/documents/systemctl.py does not know: systemctl {shlex.join(words)}")


if __name__ == "__main__":
    main(sys.argv[1:])
