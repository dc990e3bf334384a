"""Reads the configuration: file, environment and defaults, checked whole before anything else happens."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mepassad.api.permissions import PERMISSIONS
from mepassad.config.check import Checker, key_names, key_types
from mepassad.config.model import Config
from mepassad.config.problems import Place, Problem, as_error, close, nearest
from mepassad.config.tree import MAX_BYTES, Tree, parse_file, parse_variable
from mepassad.errors import ConfigError
from mepassad.i18n import _
from mepassad.plugins import Catalogue, Given, Plugins

ENVIRONMENT = "MEPASSAD__"
TEXT_GROWTH = 6  # bytes of a line that a byte of text may need: JSON writes a control character as `\u0001`
LINE_AROUND_TEXT = 8192  # bytes of a line beside a message's text: ids, names, times
FOR_TESTS = "transport_memory"  # comes with the core, but nobody who mistyped a name means it
MAX_SOCKET_PATH = 107  # bytes: sun_path of Linux holds 108, one of them the closing zero


@dataclass(frozen=True)
class Loaded:
    """The effective configuration. `sections` are the plugins' own, by plugin name.

    `origins` tells of every dotted key where its value came from: `default`, `<file>:<line>` or
    `environment: <variable>`. `ignored` are the file's sections of plugins that are installed but not on.
    """

    config: Config
    sections: dict[str, msgspec.Struct]
    origins: dict[str, str]
    ignored: tuple[str, ...] = ()


def load(path: Path | None, environ: Mapping[str, str], catalogue: Catalogue) -> tuple[Loaded, Plugins]:
    """The configuration of a file (or of none), overridden by `MEPASSAD__SECTION__KEY` variables, and its plugins.

    Raises `ConfigError` with all that is wrong, each with its place, and what `Catalogue.load` raises.
    """
    trees = list(_trees(path, environ))
    checker = Checker(home=_home(environ), folder=(path.parent if path else Path()).absolute())
    wanted = _wanted_plugins(trees, catalogue, checker.problems)
    plugins = catalogue.load(wanted, _given(trees, checker.problems))
    keys = {**key_types(Config), **plugins.sections}
    off = set(catalogue.names) - set(plugins.names)
    # A plugin that is not installed is one problem; its section, which nobody can check, is not a second.
    missing = {name for name, _place in _listed_plugins(trees)} - set(catalogue.names)
    for tree in trees:
        checker.take(tree, keys, ignored=off | missing)
    _fill_paths(checker, environ)
    config = checker.build(Config)
    sections = {name: checker.build(kind, (name,)) for name, kind in plugins.sections.items()}
    if config:
        _check_providers(checker, config, plugins)
        _check_roles(checker, config, plugins, sections)
        _check_line(checker, config)
    if checker.problems or config is None:
        raise as_error(checker.problems)
    ignored = {key for tree in trees if isinstance(tree.value, dict) for key in tree.value if key in off}
    built = {name: section for name, section in sections.items() if section is not None}
    return Loaded(config, built, _origins(checker, plugins), tuple(sorted(ignored))), plugins


def wanted(path: Path | None, environ: Mapping[str, str], catalogue: Catalogue) -> tuple[list[str], Given]:
    """The plugins that a configuration names, and what it gives to plugins, whatever else is wrong with it or them.

    Raises `ConfigError` where it cannot be read.
    """
    trees = list(_trees(path, environ))
    return _wanted_plugins(trees, catalogue, []), _given(trees, [])


def _trees(path: Path | None, environ: Mapping[str, str]) -> Iterator[Tree]:
    """The file, then each variable: a later one overrides."""
    if path is not None:
        yield parse_file(read(path), str(path))
    for variable in sorted(environ):
        if variable.startswith(ENVIRONMENT):
            tree, place = parse_variable(environ[variable], variable), Place(variable)
            for key in reversed(variable.removeprefix(ENVIRONMENT).lower().split("__")):
                tree = Tree({key: tree}, place, place)
            yield tree


def read(path: Path) -> str:
    """The text of a configuration file. Raises `ConfigError`."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"{path}: " + _("the configuration cannot be read: {reason}").format(reason=reason)) from None
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path}: " + _("the configuration is larger than {size} KiB").format(size=MAX_BYTES // 1024))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: " + _("the configuration is not text in UTF-8")) from None


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or os.path.expanduser("~")).absolute()


def _wanted_plugins(trees: list[Tree], catalogue: Catalogue, problems: list[Problem]) -> list[str]:
    """A first look at the list of plugins, because plugins say what else may be in the file."""
    names: list[str] = []
    for name, place in _listed_plugins(trees):
        if name not in catalogue.names:
            problems.append(Problem(place, "plugins", _not_installed(name, catalogue)))
        elif name in names:
            problems.append(Problem(place, "plugins", _("the plugin '{plugin}' is named twice").format(plugin=name)))
        else:
            names.append(name)
    return names


def _listed_plugins(trees: list[Tree]) -> list[tuple[str, Place]]:
    """The names under `plugins` with their places; what has a wrong type is told with all that is wrong."""
    lists = [tree.value["plugins"] for tree in trees if isinstance(tree.value, dict) and "plugins" in tree.value]
    items = lists[-1].value if lists else None
    if not isinstance(items, list):
        return []
    return [(item.value, item.place) for item in items if isinstance(item.value, str)]


def _given(trees: list[Tree], problems: list[Problem]) -> Given:
    """A first look at what plugins are given, as they are loaded only with that."""
    given: dict[str, list[str]] = {}
    for tree in trees:
        section = tree.value.get("permissions") if isinstance(tree.value, dict) else None
        for plugin, items in section.value.items() if section and isinstance(section.value, dict) else ():
            words = (
                [item for item in items.value if isinstance(item.value, str)] if isinstance(items.value, list) else []
            )
            given[plugin] = [str(item.value) for item in words]
            for item in (item for item in words if item.value not in PERMISSIONS):
                text = _("unknown permission {permission}").format(permission=repr(item.value))
                text += nearest(str(item.value), PERMISSIONS)
                problems.append(Problem(item.place, f"permissions.{plugin}", text))
    return given


def _not_installed(name: str, catalogue: Catalogue) -> str:
    installed = [known for known in catalogue.names if known != FOR_TESTS]
    told = _("the plugin '{plugin}' is not installed; installed: {installed}")
    text = told.format(plugin=name, installed=", ".join(installed))
    if close(name, installed):
        return text + nearest(name, installed)
    told = _("install it (`pip install ./plugins/{plugin}` for one of mepassad's own) or take it out of `plugins`")
    return f"{text}; {told.format(plugin=name)}"


def _fill_paths(checker: Checker, environ: Mapping[str, str]) -> None:
    """The defaults that depend on where the daemon runs, and the limit that Unix sets to a socket's path."""
    folder = checker.found.setdefault(("node", "data_dir"), _data_dir(environ))
    socket = checker.found.setdefault(("rpc", "socket"), folder / "run" / "mepassad.sock")
    if (size := len(str(socket).encode())) > MAX_SOCKET_PATH:
        place = checker.places.get(("rpc", "socket")) or checker.places.get(("node", "data_dir"))
        text = _("the path has {size} bytes, Unix allows {most} for a socket; choose a shorter one: {socket}").format(
            size=size, most=MAX_SOCKET_PATH, socket=socket
        )
        checker.problems.append(Problem(place, "rpc.socket", text))


def _data_dir(environ: Mapping[str, str]) -> Path:
    if state := environ.get("STATE_DIRECTORY"):
        return Path(state.split(":")[0]).absolute()  # systemd names several with colons
    data = environ.get("XDG_DATA_HOME")
    return (Path(data) if data else _home(environ) / ".local" / "share").absolute() / "mepassad"


def _check_providers(checker: Checker, config: Config, plugins: Plugins) -> None:
    wanted = [("crypto", config.crypto.plugin), ("store", config.store.plugin)]
    if "mailbox" in config.roles:
        wanted.append(("mailbox", config.mailbox.plugin))
    for section, name in wanted:
        able = plugins.providers(f"provide_{section}")
        if name not in able:
            text = _("no loaded plugin named '{plugin}' provides a {section}; those that do: {able}").format(
                plugin=name, section=section, able=", ".join(sorted(able))
            )
            place = checker.places.get((section, "plugin"))
            checker.problems.append(Problem(place, f"{section}.plugin", text))


def _check_roles(
    checker: Checker, config: Config, plugins: Plugins, sections: Mapping[str, msgspec.Struct | None]
) -> None:
    """Who serves others must be where they can come."""
    transports = plugins.providers("provide_transport")
    deaf = [name for name in transports if getattr(sections.get(name), "listen", None) == ()]
    if config.roles and not transports:
        text = _("nobody can be served, because no plugin under `plugins` is a transport; name one, like {plugin}")
        text = text.format(plugin="transport_libp2p")
        checker.problems.append(Problem(checker.places.get(("roles",)), "roles", text))
    elif config.roles and len(deaf) == len(transports):
        text = _("whom `roles` serves must reach this node: name an address to listen on, like {address}").format(
            address="/ip4/0.0.0.0/tcp/4001"
        )
        checker.problems.append(Problem(checker.places.get((deaf[0], "listen")), f"{deaf[0]}.listen", text))


def _check_line(checker: Checker, config: Config) -> None:
    """A text that may be sent must also fit into the line that says so."""
    longest, line = config.messages.max_text, config.rpc.max_line
    if line < (needed := TEXT_GROWTH * longest + LINE_AROUND_TEXT):
        place = checker.places.get(("rpc", "max_line")) or checker.places.get(("messages", "max_text"))
        text = _(
            "{line} bytes cannot hold a text of messages.max_text, {longest} bytes, of which JSON may make {times} "
            "times as many; set it to {needed} or more, or messages.max_text lower"
        ).format(line=line, longest=longest, times=TEXT_GROWTH, needed=needed)
        checker.problems.append(Problem(place, "rpc.max_line", text))


def _origins(checker: Checker, plugins: Plugins) -> dict[str, str]:
    keys = [*key_names(Config), *(key for name, kind in plugins.sections.items() for key in key_names(kind, name))]
    places = {".".join(path): place.origin for path, place in checker.places.items()}
    return {key: places.get(key, "default") for key in keys}
