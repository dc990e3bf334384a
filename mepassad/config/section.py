"""What all sections of config.yaml have in common."""

from __future__ import annotations

import msgspec


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A section of config.yaml. Every key has a default and a description."""
