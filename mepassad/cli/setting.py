"""What the sub-commands share: the configuration, loaded once and only when a command needs it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import click

from mepassad.config.load import Loaded, load, wanted
from mepassad.plugins import Catalogue, Given, PluginInfo, Plugins, discover

SYSTEM_CONFIG = Path("/etc/mepassad/config.yaml")


class Setting:
    """The configuration file that the command line chose, and what was loaded from it."""

    def __init__(self, path: Path | None) -> None:
        """`path` is None for the defaults and the environment alone."""
        self.path = path

    @cached_property
    def catalogue(self) -> Catalogue:
        """The installed plugins. Raises `PluginClash`."""
        return discover()

    @cached_property
    def _both(self) -> tuple[Loaded, Plugins]:
        return load(self.path, os.environ, self.catalogue)

    @property
    def loaded(self) -> Loaded:
        """The configuration. Raises `ConfigError` and what loading plugins raises."""
        return self._both[0]

    @property
    def plugins(self) -> Plugins:
        """The loaded plugins. Raises as `loaded`."""
        return self._both[1]

    @property
    def wanted(self) -> tuple[list[str], Given]:
        """The plugins that the configuration names, and what it gives to each. Raises `ConfigError`, `PluginClash`."""
        return wanted(self.path, os.environ, self.catalogue)

    def listing(self, plugins: Plugins | None) -> list[PluginInfo]:
        """Every installed plugin; hooks and keys of those among the loaded `plugins`. Raises `ConfigError`."""
        return self.catalogue.describe(*self.wanted, plugins)


pass_setting = click.make_pass_decorator(Setting)


def config_path(chosen: Path | None, environ: Mapping[str, str], system: Path = SYSTEM_CONFIG) -> Path | None:
    """`--config`, else $MEPASSAD_CONFIG, else the system's file if there is one, else None."""
    if chosen:
        return chosen
    if named := environ.get("MEPASSAD_CONFIG"):
        return Path(named)
    return system if system.is_file() else None
