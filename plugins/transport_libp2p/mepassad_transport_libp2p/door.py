"""The door: which incoming connections may enter, whatever their transport, before anything of theirs is read."""

from __future__ import annotations

import ipaddress
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from libp2p.peer.id import ID

from mepassad_transport_libp2p.config import Config

Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network | ID | None
"""The id of a relay counts as the subnet of those who come over it. None: nobody knows where it comes from; all of
those are one."""


class Refused(Exception):
    """A connection may not enter; `reason` names the limit."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Bucket:
    """A token bucket: `burst` at once, `rate` a second on average."""

    def __init__(self, rate: float, burst: int) -> None:
        """Full at first."""
        self._rate, self._burst, self._left, self._last = rate, burst, 0.0, -math.inf

    def left(self, now: float) -> float:
        """Tokens there are. `now`: monotonic seconds."""
        self._left, self._last = min(self._burst, self._left + (now - self._last) * self._rate), now
        return self._left

    def take(self, now: float) -> None:
        """Take one, which must be there."""
        self._left = self.left(now) - 1

    def full(self, now: float) -> bool:
        """Whether all tokens are back."""
        return self.left(now) >= self._burst


class Door:
    """Counts newcomers by subnet, and lets only so many in at once and a second. Loopback is no subnet."""

    def __init__(self, config: Config, now: Callable[[], float]) -> None:
        """`now`: monotonic seconds."""
        self._config, self._now = config, now
        self._all = Bucket(config.max_connects_per_second, config.connects_burst)
        self._buckets: dict[Subnet, Bucket] = {}
        self.inside: Counter[Subnet] = Counter()
        self.refused: Counter[str] = Counter()

    @contextmanager
    def enter(self, host: str | None) -> Iterator[None]:
        """Let a connection from an IP address in, and count it until it has gone. Raises `Refused`."""
        subnet, exempt = self.subnet(host)
        try:
            self._knock(subnet, exempt)
        except Refused as refused:
            self.refused[refused.reason] += 1
            raise
        if exempt:
            yield
            return
        self.inside[subnet] += 1
        try:
            yield
        finally:
            self.inside[subnet] -= 1
            if not self.inside[subnet]:
                del self.inside[subnet]

    def _knock(self, subnet: Subnet, exempt: bool) -> None:
        """See whether there is room. One subnet's flood is stopped before it uses up what is everybody's."""
        if not exempt and self.inside[subnet] >= self._config.max_connections_per_subnet:
            raise Refused("subnet")
        self._take(subnet, exempt)

    def come_over(self, relay: ID) -> None:
        """Let a circuit in that a relay brings: no faster than a subnet's connections. Raises `Refused`."""
        try:
            self._take(relay, exempt=False)
        except Refused as refused:
            self.refused[refused.reason] += 1
            raise

    def _take(self, subnet: Subnet, exempt: bool) -> None:
        """Take what a connection costs of what may come in a second. Raises `Refused`."""
        now, config = self._now(), self._config
        bucket = None if exempt else self._buckets.get(subnet)
        if bucket is not None and bucket.left(now) < 1:
            raise Refused("subnet_rate")
        if self._all.left(now) < 1:
            raise Refused("rate")
        self._all.take(now)
        if not exempt:
            if bucket is None:
                rate, burst = config.max_connects_per_second_per_subnet, config.connects_burst_per_subnet
                bucket = self._buckets[subnet] = Bucket(rate, burst)
            bucket.take(now)

    def tidy(self) -> None:
        """Forget subnets whose bucket is full again; called every now and then."""
        now = self._now()
        self._buckets = {subnet: bucket for subnet, bucket in self._buckets.items() if not bucket.full(now)}

    def subnet(self, host: str | None) -> tuple[Subnet, bool]:
        """The subnet of an IP address, and whether it is loopback and so exempt."""
        try:
            address = ipaddress.ip_address((host or "").partition("%")[0])
        except ValueError:
            return None, False
        address = getattr(address, "ipv4_mapped", None) or address
        prefix = self._config.subnet_prefix4 if address.version == 4 else self._config.subnet_prefix6
        return ipaddress.ip_network((address, prefix), strict=False), address.is_loopback
