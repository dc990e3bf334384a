"""What the numbers of `/metrics` mean: a sentence for each that is known, and which of them only grow."""

from __future__ import annotations

COUNTED = {
    "store": ("commits", "writes", "batches"),
    "passes": ("admitted", "refused"),
    "directory": ("published",),
    "relay": ("circuits_made", "refused", "no_place", "ended_at_a_limit", "gave_way", "bytes"),
    "role": ("batches",),
    "transport": (
        "made_room", "closed_idle", "closed_dead", "handshakes_dropped",
        "refused_full", "refused_rate", "refused_subnet", "refused_subnet_rate",
    ),
}  # fmt: skip
"""Numbers that only grow while the node runs: counters, whose names end in `_total`."""

MEANINGS = {
    "pid": "Id of the node's process.",
    "uptime_seconds": "Seconds since the node started.",
    "rss_bytes": "Memory of the process now.",
    "max_rss_bytes": "Most memory of the process since it started.",
    "descriptors": "Files and sockets that the process has open.",
    "descriptor_limit": "Files and sockets that the process may have open.",
    "threads": "Threads of the process.",
    "tasks": "Tasks of the node, with those inside its transports.",
    "accounts": "Accounts on this node.",
    "contacts": "Contacts of all accounts.",
    "links": "Links to nodes of contacts.",
    "queue_rpc_calls": "Calls in flight of one session.",
    "queue_rpc_unwritten": "Bytes of replies and events that one client has not taken.",
    "queue_rpc_behind": "Facts that one subscription is behind.",
    "queue_lane_late": "Rows kept while a lane catches up.",
    "queue_link_unacked": "Packets sent on one link and not acknowledged.",
    "queue_link_unacked_bytes": "Bytes of the packets sent on one link and not acknowledged.",
    "queue_link_arriving": "Packets of one link that arrived and are being dealt with.",
    "queue_quarantine": "Packets of one contact that came too early to be opened.",
    "queue_quarantine_bytes": "Bytes of the packets of one contact that came too early.",
    "store_commits": "Commits to the node's database.",
    "store_writes": "Single writes in those commits.",
    "store_batches": "Transactions in which the commits went to the disk.",
    "store_queued": "Commits that wait for the disk.",
    "store_bytes": "Size of the node's database on the disk.",
    "passes_admitted": "Proofs of this server's pass that were right.",
    "passes_refused": "Proofs of this server's pass that were wrong.",
    "transport_connections": "Connections to other nodes.",
    "transport_incoming": "Connections that other nodes made.",
    "transport_outgoing": "Connections that this node made.",
    "transport_wanted": "Connections to nodes of contacts and to bootstrap nodes.",
    "transport_handshakes": "Incoming connections in their handshake now.",
    "transport_streams": "Streams that are open.",
    "transport_made_room": "Connections closed because a newcomer got their place.",
    "transport_closed_idle": "Connections of strangers closed because they had no stream for idle_close.",
    "transport_closed_dead": "Connections closed because the other side gave no sign of life.",
    "transport_handshakes_dropped": "Handshakes dropped because there were more than max_handshakes.",
    "transport_refused_full": "Incoming connections refused because all max_connections were taken.",
    "transport_refused_rate": "Incoming connections refused because too many came in a second.",
    "transport_refused_subnet": "Incoming connections refused because their subnet had as many as it may.",
    "transport_refused_subnet_rate": "Incoming connections refused because too many of their subnet came in a second.",
    "transport_relay_places": "Relays at which this node has a place.",
    "transport_relay_places_needed": "Relays at which this node should have a place.",
    "transport_stream_unwritten": "Bytes queued on one stream to be sent.",
    "transport_stream_unread": "Bytes of one stream that arrived and were not read.",
    "transport_unread": "Bytes of all streams that arrived and were not read.",
    "relay_places": "Nodes that have a place at this relay now.",
    "relay_circuits": "Circuits that this relay carries now.",
    "relay_circuits_made": "Circuits that this relay made.",
    "relay_refused": "Requests to this relay not granted, without those to nodes that have no place.",
    "relay_no_place": "Requests to this relay to reach a node that has no place here, as one that is away.",
    "relay_ended_at_a_limit": "Circuits that were cut at a limit of time or of bytes.",
    "relay_gave_way": "Circuits that were ended for the sake of others.",
    "relay_bytes": "Bytes that this relay carried.",
    "directory_nodes": "Nodes of the directory that are known.",
    "directory_records": "Records of the directory kept here for others.",
    "directory_published": "Records of accounts here that the directory took.",
    "role_streams": "Streams of clients that are open.",
    "role_watched": "Boxes whose owners wait for what comes.",
    "role_boxes": "Boxes that are open here.",
    "role_envelopes": "Envelopes that lie here.",
    "role_bytes": "Bytes of what lies here, 256 more for each thing, without records.",
    "role_records": "Records of the directory that lie here.",
    "role_batches": "Transactions in which requests went to the disk.",
    "role_queued": "Requests that wait for the disk.",
    "role_file_bytes": "Size of the mailbox's database on the disk.",
}
"""By the metric's name without `mepassa_` and `_total`."""


def meaning(name: str) -> str:
    """What a number is, by its metric's name without `mepassa_`; of a plugin's own, that it is one."""
    if known := MEANINGS.get(name):
        return known
    for end, told in (("_most", "The most ever: {}"), ("_limit", "The limit: {}")):
        if name.endswith(end) and (known := MEANINGS.get(name.removesuffix(end))):
            return told.format(known[0].lower() + known[1:])
    return f"A plugin's number in system.stats: {name}."
