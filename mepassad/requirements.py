"""Whether what a distribution requires is installed, in versions that it goes with (PEP 508, PEP 440)."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from mepassad import __version__

CORE = "mepassad"


class Requirements:
    """What a distribution needs here, its extras left out, and what of that is not there."""

    def __init__(self, lines: Iterable[str]) -> None:
        """`lines`: the values of `Requires-Dist`. Raises ValueError on one that is none."""
        every = [Requirement(line) for line in lines]
        self.needed = [one for one in every if one.marker is None or one.marker.evaluate({"extra": ""})]
        self.core = [one for one in self.needed if canonicalize_name(one.name) == CORE]

    @property
    def bounded(self) -> bool:
        """Whether it says with which versions of mepassad it goes."""
        return any(one.specifier for one in self.core)

    def complaint(self, plugin: str, own: str) -> str:
        """What is wrong, in sentences that say what to do about it; "" if nothing is. `own` is its version."""
        sentences = []
        if core := next((one for one in self.core if not _met(one, __version__)), None):
            advice = (
                f"update '{plugin}', or install an older mepassad"
                if _too_new(core)
                else f"update mepassad, or install an older '{plugin}'"
            )
            sentences.append(f"needs {_written(core)}, and this is {__version__}: {advice}.")
        unmet = [(one, _installed(one)) for one in self.needed if one not in self.core]
        unmet = [(one, found) for one, found in unmet if found is None or not _met(one, found)]
        if unmet:
            told = ", and ".join(
                f"{_written(one)}, {'which is not installed' if found is None else f'of which {found} is installed'}"
                for one, found in unmet
            )
            install = shlex.join(f"{one.name}{one.specifier}" for one, _ in unmet)  # their words, not ours
            sentences.append(f"needs {told}: `pip install {install}`.")
        return f"The plugin '{plugin}' {own} " + " It also ".join(sentences) if sentences else ""


def _installed(one: Requirement) -> str | None:
    """The version that is installed; None where there is none."""
    try:
        return version(one.name)
    except PackageNotFoundError:
        return None


def _met(one: Requirement, found: str) -> bool:
    """A version that is none, as of a local build, goes with what asks for no version in particular."""
    try:
        return one.specifier.contains(Version(found), prereleases=True)
    except InvalidVersion:
        return not one.specifier


def _too_new(core: Requirement) -> bool:
    """Whether a requirement of mepassad that is not met asks for an older one."""
    running = Version(__version__)
    failing = [clause for clause in core.specifier if not clause.contains(running, prereleases=True)]
    return any(
        clause.operator in ("<", "<=") or Version(clause.version.removesuffix(".*")) < running for clause in failing
    )


def _written(one: Requirement) -> str:
    """A requirement for a reader, its lower bounds first."""
    return " ".join([one.name, ", ".join(sorted(map(str, one.specifier), reverse=True))]).strip()
