"""Finds plugins by entry point, loads those that are on, and tells what each provides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points

import msgspec
import pluggy

from mepassad.api import hookspecs
from mepassad.api.methods import Declaration
from mepassad.config.describe import KeyInfo, describe_keys
from mepassad.errors import PluginBroken, PluginClash, PluginMissing

GROUP = "mepassad.plugins"
BUILTIN = ("signal", "sqlite", "bots")


class PluginInfo(msgspec.Struct, frozen=True):
    """One installed plugin. `hooks` and `keys` are None while it is off: what is off is not imported."""

    name: str
    distribution: str
    version: str
    enabled: bool
    hooks: list[str] | None
    keys: list[KeyInfo] | None


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

    def load(self, names: Sequence[str]) -> Plugins:
        """The built-in plugins and those named, imported and registered. Hooks with many results run in this order.

        Raises `PluginMissing`, `PluginBroken`, `PluginClash`.
        """
        manager = pluggy.PluginManager("mepassad")
        manager.add_hookspecs(hookspecs)
        extra = list(dict.fromkeys(name for name in names if name not in BUILTIN))
        for name in (*BUILTIN, *reversed(extra)):  # pluggy calls the last registered first
            _register(manager, name, self._import(name))
        return Plugins(manager, self)

    def _import(self, name: str) -> object:
        point = self.points.get(name)
        if point is None:
            raise PluginMissing(
                f"The plugin '{name}' is not installed; installed are: {', '.join(self.names) or 'none'}.", plugin=name
            )
        try:
            return point.load()
        except (Exception, SystemExit) as error:
            raise _broken(name, error) from error


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
                found.append(one)

            try:
                impl.function(register)
            except Exception as error:
                raise _broken(impl.plugin_name, error) from error
        return found

    def describe(self) -> list[PluginInfo]:
        """Every installed plugin, loaded or not."""
        return [_describe(point, self) for _, point in sorted(self._catalogue.points.items())]


def discover() -> Catalogue:
    """The plugins of this Python environment. Raises `PluginClash`."""
    return Catalogue(entry_points(group=GROUP))


def load(names: Sequence[str]) -> Plugins:
    """The built-in plugins and those named, of this Python environment. Raises as `Catalogue.load`."""
    return discover().load(names)


def _register(manager: pluggy.PluginManager, name: str, plugin: object) -> None:
    if manager.is_registered(plugin):
        raise PluginClash(f"The plugin '{name}' is the same module as '{manager.get_name(plugin)}'.", plugin=name)
    try:
        manager.register(plugin, name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise _broken(name, error) from error


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


def _describe(point: EntryPoint, plugins: Plugins) -> PluginInfo:
    enabled = point.name in plugins.names
    hooks: list[str] | None = None
    keys: list[KeyInfo] | None = None
    if enabled:
        callers = plugins.manager.get_hookcallers(plugins.manager.get_plugin(point.name)) or []
        hooks = sorted(caller.name for caller in callers)
        kind = plugins.sections.get(point.name)
        keys = describe_keys(kind, point.name) if kind else []
    return PluginInfo(
        name=point.name,
        distribution=point.dist.name if point.dist else "",
        version=point.dist.version if point.dist else "",
        enabled=enabled,
        hooks=hooks,
        keys=keys,
    )


def _source(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.value
