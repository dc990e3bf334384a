"""Where holes can be punched: what the kinds of routers at both ends let theory expect."""

from __future__ import annotations

OPEN = ("public", "full_cone")
"""Whoever dials gets in."""


def expected(one: str, other: str) -> str:
    """The route that two nodes come to."""
    kinds = {one, other}
    if "tcp_443_only" in kinds:
        return "relayed"  # the other end listens on another port
    if kinds & set(OPEN):
        return "direct"
    if "symmetric" not in kinds:
        return "direct"  # both ends are mapped: each knows where the other's packets will come from
    return "direct" if "restricted" in kinds else "relayed"  # which lets in the address, from whatever port
