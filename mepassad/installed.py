"""What a plugin says of itself in the metadata of its distribution: read without importing any of its code."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cached_property
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

from mepassad import __version__
from mepassad.api.permissions import PERMISSIONS, Permission
from mepassad.errors import PluginBroken, PluginIncompatible, PluginNotPermitted
from mepassad.visible import visible

if TYPE_CHECKING:
    from mepassad.requirements import Requirements

PERMISSION_GROUP = "mepassad.permissions"
CORE = "mepassad"
OWN = frozenset({CORE, "mepassad-transport-libp2p"})
"""Distributions of this project, trusted by whoever runs the node: their plugins are given what they ask for."""


class Installed:
    """A plugin as its entry point and distribution describe it.

    A plugin without distribution was handed over by the program that runs the node, as a test does: it may everything.
    """

    def __init__(self, point: EntryPoint) -> None:
        """`point`: the plugin's entry point, from which it could be imported."""
        self.point, self.name = point, point.name
        self.distribution = visible(point.dist.name) if point.dist else ""
        self.version = visible(point.dist.version) if point.dist else ""

    @cached_property
    def permissions(self) -> tuple[Permission, ...]:
        """What it asks for. Raises `PluginBroken`."""
        if self.point.dist is None:
            return tuple(PERMISSIONS.values())
        points = self.point.dist.entry_points.select(group=PERMISSION_GROUP)
        mine = [point for point in points if point.name.partition(".")[0] == self.name]
        return tuple(dict.fromkeys(self._permission(point) for point in mine))

    @cached_property
    def needs(self) -> list[str]:
        """What must be installed beside it, as its distribution writes it. Raises `PluginBroken`."""
        return [str(one) for one in self._requirements.needed] if self._foreign else []

    @property
    def bounded(self) -> bool:
        """Whether it says with which versions of mepassad it goes. Raises `PluginBroken`."""
        return not self._foreign or self._requirements.bounded

    def check(self, given: Collection[str]) -> None:
        """Whether it goes with this mepassad, has what it needs, and was `given` the permissions that it asks for.

        Raises `PluginBroken`, `PluginIncompatible`, `PluginNotPermitted`.
        """
        together = self._own and self.version == __version__  # as released: a look costs a tenth of a node's start
        if self._foreign and not together and (complaint := self._requirements.complaint(self.name, self.version)):
            raise PluginIncompatible(complaint, plugin=self.name)
        if missing := self.missing(given):
            names = [one.name for one in missing]
            raise PluginNotPermitted(self._refusal(missing), plugin=self.name, permissions=names)

    def missing(self, given: Collection[str]) -> list[Permission]:
        """What it asks for and was not given. Raises `PluginBroken`."""
        if self.point.dist is None or self._own:
            return []
        return [one for one in self.permissions if one.name not in given]

    @property
    def _own(self) -> bool:
        return _normal(self.distribution) in OWN

    @property
    def _foreign(self) -> bool:
        """Whether it requires anything that mepassad itself, which runs, does not."""
        return self.point.dist is not None and _normal(self.distribution) != CORE

    @cached_property
    def _requirements(self) -> Requirements:
        assert self.point.dist is not None  # noqa: S101 (see `_foreign`)
        from mepassad.requirements import Requirements  # a node without other people's plugins need not wait for it

        try:
            return Requirements(self.point.dist.requires or ())
        except ValueError as error:
            reason = " ".join(str(error).split())
            raise PluginBroken(
                f"The plugin '{self.name}' could not be loaded: what it requires cannot be read: {reason}",
                plugin=self.name,
            ) from error

    def _permission(self, point: EntryPoint) -> Permission:
        word = point.name.partition(".")[2]
        if word not in PERMISSIONS or point.value != f"{Permission.__module__}:{word}":
            raise PluginBroken(
                f"The plugin '{self.name}' could not be loaded: it asks for a permission that this mepassad does not "
                f"know, '{point.name} = {point.value}'; there are: {', '.join(PERMISSIONS)}.",
                plugin=self.name,
            )
        return PERMISSIONS[word]

    def _refusal(self, missing: list[Permission]) -> str:
        asked = ", and to ".join(f"{one.words} ({one.name})" for one in missing)
        wanted = ", ".join(one.name for one in self.permissions)
        return (
            f"The plugin '{self.name}' of {self.distribution} {self.version} asks for what it was not given: to "
            f"{asked}. If you trust it, run `mepassad plugin enable {self.name}`, or write below `permissions:` in the "
            f"configuration: `{self.name}: [{wanted}]`."
        )


def _normal(name: str) -> str:
    """A distribution's name in the one spelling that indexes compare (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
