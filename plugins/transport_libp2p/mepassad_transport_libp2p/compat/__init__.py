"""Cures of py-libp2p 0.8.1, one file each: without them a daemon dies, leaks or waits. Each says when it may go.

Those that can be had by subclassing are; `apply` installs the rest, which patch modules.
"""

from mepassad_transport_libp2p.compat import broken, flow_control, logs, negotiation, pings, turns


def apply() -> None:
    """Install the cures that patch py-libp2p's modules. Idempotent."""
    broken.apply()
    flow_control.apply()
    logs.apply()
    negotiation.apply()
    pings.apply()
    turns.apply()
