"""HTTP and UPnP libraries that py-libp2p imports for features unused here: loaded if somebody uses them, not before."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

POSTPONED = ("httpx", "requests", "miniupnpc")
"""With what they import in turn, a fifth of the time that py-libp2p takes to import, and 11 MiB."""


class Postponed(ModuleType):
    """Stands for a module until an attribute of it is asked for; from then on the module itself is imported."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def postpone() -> None:
    """Do so, before py-libp2p is imported, with those that are installed and that nobody has imported yet."""
    for name in POSTPONED:
        if name not in sys.modules and (spec := find_spec(name)) is not None:
            sys.modules[name] = Postponed(name)
            sys.modules[name].__spec__ = spec
