"""What keeps a configuration from working and its words do not show: files that are not there, ports that are taken."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path

from mepassad.config.load import Loaded
from mepassad.config.model import Config
from mepassad.config.problems import Place, Problem
from mepassad.errors import MepassaError
from mepassad.i18n import _
from mepassad.listening import why_not
from mepassad.serving.passes import read_pass


def survey(loaded: Loaded) -> Iterator[Problem]:
    """All that is in the way on this machine. Ports are tried only where the node, whose they are, does not run."""
    for key, text in (*_files(loaded.config), *_ports(loaded)):
        origin = loaded.origins.get(key, "default")
        yield Problem(None if origin == "default" else Place(origin), key, text)


def _files(config: Config) -> Iterator[tuple[str, str]]:
    """Files that are named and cannot be used, with the key that names each."""
    for bot in config.bots:
        if bot.file is not None and not bot.file.is_file():
            yield "bots", _("there is no file {path}").format(path=bot.file)
    admitting = (("relay", config.relay), ("mailbox", config.mailbox))
    named = [
        (f"{role}.pass_file", one.pass_file) for role, one in admitting if role in config.roles and one.admit == "pass"
    ]
    for key, path in (("pass_file", config.pass_file), *named):
        if path is not None and (wrong := _unreadable(path)):
            yield key, wrong


def _unreadable(path: Path) -> str:
    """Why a pass cannot be read from its file; empty where it can."""
    try:
        read_pass(path)
    except MepassaError as error:
        return error.sentence
    except OSError as error:
        return f"{path}: {error.strerror}"
    return ""


def _ports(loaded: Loaded) -> Iterator[tuple[str, str]]:
    """Why the metrics cannot be shown where the configuration says."""
    host, port = loaded.config.metrics.host, loaded.config.metrics.port
    if not port:
        return
    for name, section in loaded.sections.items():
        for address in getattr(section, "listen", ()):
            _none, _kind, there, carrier, number, *_rest = f"{address}////".split("/")
            if carrier == "tcp" and number == str(port) and _same(host, there):
                yield (
                    "metrics.port",
                    _("{port} is the port of {address} too, which {plugin} listens on").format(
                        port=port, address=address, plugin=name
                    ),
                )
                return
    if not _runs(loaded.config.rpc.socket) and (reason := taken(host, port)):
        yield (
            "metrics.port",
            _("nobody can listen at {host}, port {port} ({reason}); choose another port").format(
                host=host, port=port, reason=reason
            ),
        )


def _same(one: str, other: str) -> bool:
    """Whether two that listen at the same port of these addresses are in each other's way."""
    try:
        first, second = ipaddress.ip_address(one), ipaddress.ip_address(other)
    except ValueError:
        return False
    return first.version == second.version and (first == second or first.is_unspecified or second.is_unspecified)


def _runs(path: Path) -> bool:
    """Whether a node answers on its socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) in (0, errno.EAGAIN)


def taken(host: str, port: int) -> str:
    """Why nobody can listen at a TCP port now; empty where one can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        return why_not(error)
    return ""
