"""Routers that translate addresses, as nftables rules: which addresses and ports they show, and whom they let in.

A node's port 4001 is shown as another one, so that nobody gets through who only guesses; all other connections get any
port. Each router has one host behind it.
"""

from __future__ import annotations

PORT = 4001
"""The port, of TCP and of UDP, on which nodes of the lab listen."""

SHIFT = 10_000
"""By how much each router raises that port."""

KINDS = (
    "full_cone", "restricted", "port_restricted", "symmetric", "carrier_grade", "udp_blocked", "tcp_443_only",
)  # fmt: skip
"""Full cone lets in whomever, once something went out; restricted, whose IP address was sent something; port
restricted, who was sent something; symmetric shows each peer another port; carrier grade is two port restricted ones in
a row; the last two let only some of what goes out pass, and are port restricted else."""

PASSES = {
    "udp_blocked": "iifname lan meta l4proto udp drop",
    "tcp_443_only": "iifname lan meta l4proto udp drop; iifname lan tcp dport != 443 drop",
}
"""What else is stopped on its way out."""


def rules(kind: str, inside: str, outside: str, port: int) -> str:
    """The rules of a router between links `lan` and `wan`. `inside`: the host's address, `outside`: its own; `port`:
    the one that is shown otherwise."""
    shown = port + SHIFT
    both = "meta l4proto { tcp, udp }"
    own = f"{both} th sport {port}"
    admits = {
        "full_cone": f"iifname wan {both} meta l4proto @used th dport {shown} dnat to {inside}:{port}",
        "restricted": f"iifname wan {both} meta l4proto . ip saddr @met th dport {shown} dnat to {inside}:{port}",
    }.get(kind, "")
    keeps = "" if kind == "symmetric" else f"oifname wan {own} snat to {outside}:{shown}"
    return f"""
    table ip lab {{
      set used {{ type inet_proto; flags dynamic, timeout; timeout 120s; }}
      set met {{ type inet_proto . ipv4_addr; flags dynamic, timeout; timeout 120s; }}
      chain in {{ type nat hook prerouting priority dstnat;
        {admits}
      }}
      chain out {{ type nat hook postrouting priority srcnat;
        {keeps}
        oifname wan masquerade random, fully-random
      }}
      chain pass {{ type filter hook forward priority filter; policy drop;
        {PASSES.get(kind, "")}
        iifname lan {own} update @used {{ meta l4proto }}
        iifname lan {own} update @met {{ meta l4proto . ip daddr }}
        ct state established, related accept
        iifname lan accept
        ct status dnat accept
      }}
      chain self {{ type filter hook input priority filter;
        iifname wan ct state new drop
      }}
    }}
    """
