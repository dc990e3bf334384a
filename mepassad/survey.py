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
from mepassad.errors import ConfigError, MepassaError
from mepassad.i18n import _
from mepassad.listening import why_not
from mepassad.serving.passes import read_pass


def survey(loaded: Loaded) -> Iterator[Problem]:
    """All that is in the way on this machine. Ports are tried only where the node, whose they are, does not run."""
    files = ((key, reason(path, error)) for key, path, error in unusable(loaded.config))
    off = not _runs(loaded.config.rpc.socket)
    for key, text in (*files, *of_metrics(loaded, off=off), *(_taken(loaded) if off else ())):
        origin = loaded.origins.get(key, "default")
        yield Problem(None if origin == "default" else Place(origin), key, text)


def unusable(config: Config) -> Iterator[tuple[str, Path, MepassaError | OSError]]:
    """Files that are named and cannot be used, with the key that names each, and why."""
    for bot in config.bots:
        if bot.file is not None and not bot.file.is_file():
            yield "bots", bot.file, ConfigError(_("there is no file {path}").format(path=bot.file))
    admitting = (("relay", config.relay), ("mailbox", config.mailbox))
    named = [
        (f"{role}.pass_file", one.pass_file) for role, one in admitting if role in config.roles and one.admit == "pass"
    ]
    for key, path in (("pass_file", config.pass_file), *named):
        if path is not None:
            try:
                read_pass(path)
            except (MepassaError, OSError) as error:
                yield key, path, error


def reason(path: Path, error: MepassaError | OSError) -> str:
    """Why a file cannot be used, in words."""
    return error.sentence if isinstance(error, MepassaError) else f"{path}: {error.strerror}"


def of_metrics(loaded: Loaded, *, off: bool) -> Iterator[tuple[str, str]]:
    """The key, and why the metrics cannot be shown where the configuration says. `off`: the node does not run."""
    host, port = loaded.config.metrics.host, loaded.config.metrics.port
    if not port:
        return
    for name, address in _listening(loaded):
        _none, _kind, there, carrier, number, *_rest = f"{address}////".split("/")
        if carrier == "tcp" and number == str(port) and _same(host, there):
            yield (
                "metrics.port",
                _("{port} is the port of {address} too, which {plugin} listens on").format(
                    port=port, address=address, plugin=name
                ),
            )
            return
    if off and (why := taken(host, port)):
        yield (
            "metrics.port",
            _("nobody can listen at {host}, port {port} ({reason}); choose another port").format(
                host=host, port=port, reason=why
            ),
        )


def _listening(loaded: Loaded) -> Iterator[tuple[str, str]]:
    """The addresses on which a plugin of this name is to listen."""
    for name, section in loaded.sections.items():
        yield from ((name, address) for address in getattr(section, "listen", ()))


def _taken(loaded: Loaded) -> Iterator[tuple[str, str]]:
    """The key of each address on which nobody can listen now, and why."""
    for name, address in _listening(loaded):
        error = unlistenable(address)
        if error is not None and not isinstance(error, PermissionError):  # the node's own user may be let listen there
            text = _("nobody can listen on {address} ({reason}); choose another one")
            yield f"{name}.listen", text.format(address=address, reason=why_not(error))


def unlistenable(address: str) -> OSError | None:
    """Why nobody can listen on an address, `/ip4/…/tcp/…` or the like, now; None where one can."""
    _none, family, host, protocol, port, *_rest = f"{address}////".split("/")
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    if family not in ("ip4", "ip6") or not port.isdecimal():
        return None  # it cannot be tried from here
    try:
        with socket.socket(socket.AF_INET6 if family == "ip6" else socket.AF_INET, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == "ip6":
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((host, int(port)))
    except OSError as error:
        return error
    return None


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
