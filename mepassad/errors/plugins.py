"""Errors of plugins and of what they provide: 1900 to 1999."""

from __future__ import annotations

from mepassad.errors.base import MepassaError


class PluginMissing(MepassaError):
    """A plugin that the configuration names is not installed."""

    code = 1900


class PluginBroken(MepassaError):
    """A plugin could not be loaded."""

    code = 1901


class PluginClash(MepassaError):
    """Two plugins claim the same name."""

    code = 1902


class ComponentFailed(MepassaError):
    """A component of the node failed while it was running."""

    code = 1903


class PluginIncompatible(MepassaError):
    """A plugin needs another version of mepassad, or something that is not installed."""

    code = 1904


class PluginNotPermitted(MepassaError):
    """A plugin was not given a permission that it asks for or uses."""

    code = 1905
