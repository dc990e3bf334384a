"""Finds plugins by entry point, loads those that are on, and tells what each provides."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

import msgspec
import pluggy
from msgspec.structs import replace

from mepassad.api import hookspecs
from mepassad.api.methods import Declaration
from mepassad.api.permissions import opens
from mepassad.config.describe import KeyInfo, describe_keys
from mepassad.config.model import Config
from mepassad.errors import MepassaError, PluginBroken, PluginClash, PluginMissing
from mepassad.installed import PERMISSION_GROUP, Installed

GROUP = "mepassad.plugins"
BUILTIN = ("signal", "sqlite", "bots", "mailbox_sqlite")
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
OF_THE_CORE = frozenset(Config.__struct_encode_fields__)
"""Sections of config.yaml that are the core's: names that no plugin may bear."""

Given = Mapping[str, Collection[str]]
"""The permissions that plugins were given, by the plugin's name."""

NOTHING: Given = MappingProxyType({})


class PermissionInfo(msgspec.Struct, frozen=True):
    """A permission that a plugin asks for; `words` go on after "may"."""

    name: str
    words: str
    given: bool


class PluginInfo(msgspec.Struct, frozen=True):
    """One installed plugin. `hooks` and `keys` are None while it is not loaded: what is off is not imported.

    `needs` are requirements (PEP 508), `bounded` says whether they name versions of mepassad; `problem` is why it
    cannot be loaded, as far as that can be told without importing it.
    """

    name: str
    distribution: str
    version: str
    enabled: bool
    hooks: list[str] | None
    keys: list[KeyInfo] | None
    needs: list[str]
    bounded: bool
    permissions: list[PermissionInfo]
    problem: str


class Catalogue:
    """The plugins that are installed; making one imports none of them."""

    def __init__(self, points: Iterable[EntryPoint]) -> None:
        """Raises `PluginClash` when two distributions claim one name."""
        self.points: dict[str, EntryPoint] = {}
        for point in points:
            first = self.points.setdefault(point.name, point)
            if first != point:
                raise PluginClash(
                    f"Two installed packages provide a plugin named '{point.name}': {_source(first)} and "
                    f"{_source(point)}; uninstall one.",
                    plugin=point.name,
                )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all installed plugins, sorted."""
        return tuple(sorted(self.points))

    def installed(self, name: str) -> Installed:
        """What a plugin says of itself. Raises `PluginMissing`."""
        if name not in self.points:
            raise PluginMissing(
                f"The plugin '{name}' is not installed; installed are: {', '.join(self.names) or 'none'}.", plugin=name
            )
        return Installed(self.points[name])

    def check(self, name: str, given: Collection[str]) -> None:
        """Whether a plugin could be loaded with these permissions, as far as that can be told without importing it.

        Raises `PluginMissing`, `PluginBroken`, `PluginClash`, `PluginIncompatible`, `PluginNotPermitted`.
        """
        plugin = self.installed(name)
        if name not in BUILTIN:
            _check_name(name)
        plugin.check(given)

    def load(self, names: Sequence[str], given: Given = NOTHING) -> Plugins:
        """The built-in plugins and those named, imported and registered. Hooks with many results run in this order.

        None is imported before all were found fit: whole, of the right versions, and with the permissions that they
        ask for among those `given`. Raises `PluginMissing`, `PluginBroken`, `PluginClash`, `PluginIncompatible`,
        `PluginNotPermitted`.
        """
        manager = pluggy.PluginManager("mepassad")
        manager.add_hookspecs(hookspecs)
        extra = list(dict.fromkeys(name for name in names if name not in BUILTIN))
        for name in extra:
            self.check(name, given.get(name, ()))
        for name in (*BUILTIN, *reversed(extra)):  # pluggy calls the last registered first
            _register(manager, self.installed(name))
        return Plugins(manager, self)

    def describe(self, enabled: Collection[str], given: Given, plugins: Plugins | None = None) -> list[PluginInfo]:
        """Every installed plugin, with its hooks and keys where it is among the loaded `plugins`."""
        return [
            self._describe(self.installed(name), name in (*BUILTIN, *enabled), given.get(name, ()), plugins)
            for name in self.names
        ]

    def _describe(
        self, plugin: Installed, enabled: bool, given: Collection[str], plugins: Plugins | None
    ) -> PluginInfo:
        hooks: list[str] | None = None
        keys: list[KeyInfo] | None = None
        if plugins and plugin.name in plugins.names:
            hooks = _hooks(plugins.manager, plugin.name)
            kind = plugins.sections.get(plugin.name)
            keys = describe_keys(kind, plugin.name) if kind else []
        info = PluginInfo(plugin.name, plugin.distribution, plugin.version, enabled, hooks, keys, [], True, [], "")
        try:
            missing = plugin.missing(given)
            asked = [PermissionInfo(one.name, one.words, one not in missing) for one in plugin.permissions]
            info = replace(info, needs=plugin.needs, bounded=plugin.bounded, permissions=asked)
            self.check(plugin.name, given if enabled else [one.name for one in plugin.permissions])
        except MepassaError as error:
            return replace(info, problem=error.sentence)
        return info


class Plugins:
    """The loaded plugins: a pluggy manager to call hooks on, and the sections of config.yaml that they own."""

    def __init__(self, manager: pluggy.PluginManager, catalogue: Catalogue) -> None:
        """Calls `register_config`. Raises `PluginBroken`, `PluginClash`."""
        self.manager = manager
        self._catalogue = catalogue
        self.sections: dict[str, type[msgspec.Struct]] = _sections(manager)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the loaded plugins."""
        return tuple(name for name, _ in self.manager.list_name_plugin())

    def providers(self, hook: str) -> list[str]:
        """The names of the loaded plugins that implement a hook."""
        return [impl.plugin_name for impl in getattr(self.manager.hook, hook).get_hookimpls()]

    def methods(self) -> list[Declaration]:
        """The RPC methods that the loaded plugins add. Raises `PluginBroken`."""
        found: list[Declaration] = []
        for impl in self.manager.hook.register_methods.get_hookimpls():

            def register(one: Declaration, owner: str = impl.plugin_name) -> None:
                if not one.name.startswith(f"{owner}."):
                    raise ValueError(f"it registers the method '{one.name}', which should begin with '{owner}.'")
                if foreign := {"node", "caller"}.intersection(one.takes):
                    raise ValueError(f"its method '{one.name}' asks for `{min(foreign)}`, which only the core's may")
                found.append(one)

            try:
                impl.function(register)
            except Exception as error:
                raise _broken(impl.plugin_name, error) from error
        return found

    def permitted(self, name: str, permission: str) -> bool:
        """Whether a loaded plugin has a permission: no other than those it was given were loaded."""
        return permission in {one.name for one in self._catalogue.installed(name).permissions}


def discover() -> Catalogue:
    """The plugins of this Python environment. Raises `PluginClash`."""
    return Catalogue(entry_points(group=GROUP))


def _check_name(name: str) -> None:
    """It is part of paths, of the configuration and of the names of methods."""
    if name in OF_THE_CORE:
        raise PluginClash(
            f"The plugin '{name}' bears the name of a section of mepassad's own configuration.", plugin=name
        )
    if not NAME.fullmatch(name):
        raise PluginBroken(
            f"The plugin '{name}' could not be loaded: its name must be of small letters, digits and underscores, and "
            "begin with a letter.",
            plugin=name,
        )


def _import(plugin: Installed) -> object:
    try:
        return plugin.point.load()
    except (Exception, SystemExit) as error:
        raise _broken(plugin.name, error) from error


def _register(manager: pluggy.PluginManager, plugin: Installed) -> None:
    name, module = plugin.name, _import(plugin)
    if manager.is_registered(module):
        raise PluginClash(f"The plugin '{name}' is the same module as '{manager.get_name(module)}'.", plugin=name)
    try:
        manager.register(module, name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise _broken(name, error) from error
    for hook in _hooks(manager, name):
        if (permission := opens(hook)) and permission not in plugin.permissions:
            raise PluginBroken(
                f"The plugin '{name}' could not be loaded: it has the hook {hook}, but its distribution does not ask "
                f'for the permission that this takes: "{name}.{permission.name}" = '
                f'"{permission.__module__}:{permission.name}" in the group {PERMISSION_GROUP}.',
                plugin=name,
            )


def _hooks(manager: pluggy.PluginManager, name: str) -> list[str]:
    return sorted(caller.name for caller in manager.get_hookcallers(manager.get_plugin(name)) or ())


def _sections(manager: pluggy.PluginManager) -> dict[str, type[msgspec.Struct]]:
    found: dict[str, type[msgspec.Struct]] = {}
    for impl in manager.hook.register_config.get_hookimpls():

        def register(section: str, kind: type[msgspec.Struct], owner: str = impl.plugin_name) -> None:
            if section != owner:
                raise ValueError(f"it registers the section '{section}', but a plugin's section bears its own name")
            if section in found:
                raise ValueError("it registers its section twice")
            kind()  # proves that every key has a default
            found[section] = kind

        try:
            impl.function(register)
        except Exception as error:
            raise _broken(impl.plugin_name, error) from error
    return found


def _broken(name: str, error: BaseException) -> PluginBroken:
    reason = " ".join(str(error).split()) or "no reason given"
    return PluginBroken(f"The plugin '{name}' could not be loaded: {type(error).__name__}: {reason}", plugin=name)


def _source(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.value
