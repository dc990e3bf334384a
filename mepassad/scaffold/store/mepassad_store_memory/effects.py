"""What each write of a commit does to the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from mepassad.api import Conflict, types, writes
from msgspec.structs import astuple, replace

from mepassad_store_memory.rows import Rows

MAY_FOLLOW = {
    "sent": ("queued",),
    "delivered": ("queued", "sent"),
    "read": ("queued", "sent", "delivered", "received"),
    "failed": ("queued", "sent"),
    "expired": ("queued", "sent"),
}
"""The states of a message that a state may follow."""


class Forget(writes.Write, frozen=True):
    """What the store's own `forget` writes; times in Unix seconds and milliseconds."""

    seen_before: int
    events_before_ms: int
    events_keep: int


def apply(rows: Rows, write: writes.Write) -> None:
    """Do one write. Raises `Conflict`, `Duplicate`, ValueError; what was done before that stays for the caller."""
    EFFECTS[type(write)](rows, write)


def place(row: types.Message) -> tuple[int, int]:
    """Where a message stands in its conversation."""
    return row.sort_ms, row.seq


def _add_message(rows: Rows, write: writes.AddMessage) -> None:
    row = write.row
    if row.request_id:
        rows.add("request", (row.account, row.request_id), row.id)
    rows.add("message", (row.account, row.id), replace(row, seq=rows.serial + 1))


def _set_message_state(rows: Rows, write: writes.SetMessageState) -> None:
    row = rows.get("message", write.account, write.message)
    if row and row.state in MAY_FOLLOW.get(write.state, ()):
        kept = {name: getattr(write, name) or getattr(row, name) for name in ("route", "reason", "tries", "latency_ms")}
        rows.put("message", (row.account, row.id), replace(row, state=write.state, **kept))


def _mark_read(rows: Rows, write: writes.MarkRead) -> None:
    end = rows.get("message", write.account, write.up_to)
    for row in rows.all("message", write.account) if end and end.conversation == write.conversation else ():
        if row.conversation == end.conversation and row.state == "received" and place(row) <= place(end):
            rows.put("message", (row.account, row.id), replace(row, state="read"))


def _drop_contact(rows: Rows, write: writes.DropContact) -> None:
    account, contact = write.account, rows.get("contact", write.account, write.contact)
    for row in rows.all("message", account):
        if contact and row.conversation == contact.conversation:
            rows.drop("message", (account, row.id))
            rows.drop("request", (account, row.request_id))
    for row in rows.all("outgoing", account):
        if row.contact == write.contact:
            _drop_outgoing(rows, account, row.id)
    keys: dict[str, Callable[[Any], tuple[Any, ...]]] = {
        "quarantine": lambda row: (account, row.packet),
        "receipt": astuple,
    }
    for table, key in keys.items():
        for row in rows.all(table, account):
            if row.contact == write.contact:
                rows.drop(table, key(row))
    for row in rows.all("session", account):
        if row.contact == write.contact:
            _drop_session(rows, row)
    rows.drop("contact", (account, write.contact))


def _add_outgoing(rows: Rows, row: types.Outgoing) -> None:
    rows.add("outgoing", (row.account, row.id), replace(row, seq=rows.serial + 1))


def _drop_outgoing(rows: Rows, account: str, id: bytes) -> None:
    rows.drop("outgoing", (account, id))
    for node in rows.below("deposit", account, id):
        rows.drop("deposit", (account, id, node))


def _note_deposits(rows: Rows, write: writes.NoteDeposits) -> None:
    for id in write.packets:
        if rows.get("outgoing", write.account, id):
            rows.put("deposit", (write.account, id, write.node), write.at)


def _replace_outgoing(rows: Rows, write: writes.ReplaceOutgoing) -> None:
    _drop_outgoing(rows, write.account, write.id)
    for row in write.rows:
        _add_outgoing(rows, row)


def _set_outgoing(rows: Rows, write: writes.SetOutgoing) -> None:
    if row := rows.get("outgoing", write.account, write.id):
        row = replace(row, state=write.state, attempts=write.attempts, next_at=write.next_at)
        rows.put("outgoing", (row.account, row.id), row)


def _drop_outgoing_of(rows: Rows, write: writes.DropOutgoingOf) -> None:
    for row in rows.all("outgoing", write.account):
        if row.message == write.message != "" and write.device in (b"", row.device):
            _drop_outgoing(rows, row.account, row.id)


def _put_session(rows: Rows, write: writes.PutSession) -> None:
    row = write.row
    known = rows.get("session", row.account, row.id)
    if row.version != (known.version if known else 0) + 1:
        raise Conflict
    rows.put("session", (row.account, row.id), row)


def _drop_session(rows: Rows, session: types.Session | writes.DropSession) -> None:
    rows.drop("session", (session.account, session.id))
    for reference in rows.below("skipped", session.account, session.id):
        rows.drop("skipped", (session.account, session.id, reference))


def _add_skipped(rows: Rows, write: writes.AddSkipped) -> None:
    for reference, key in write.keys:
        rows.put("skipped", (write.account, write.session, reference), key)


def _drop_skipped(rows: Rows, write: writes.DropSkipped) -> None:
    for reference in write.references:
        rows.drop("skipped", (write.account, write.session, reference))


def _put_keys(rows: Rows, write: writes.PutKeys) -> None:
    for row in write.rows:
        rows.put("key", (row.account, row.id), row)


def _drop_keys(rows: Rows, write: writes.DropKeys) -> None:
    for id in write.ids:
        rows.drop("key", (write.account, id))


def _drop_receipts(rows: Rows, write: writes.DropReceipts) -> None:
    for row in write.rows:
        rows.drop("receipt", astuple(row))


def _add_event(rows: Rows, write: writes.AddEvent) -> None:
    rows.event += 1
    fields = {name: getattr(write, name) for name in write.__struct_fields__}
    rows.put("event", (rows.event,), types.Event(seq=rows.event, **fields))


def _set_plugin_state(rows: Rows, write: writes.SetPluginState) -> None:
    if write.was is not msgspec.UNSET and write.was != rows.get("state", write.plugin, write.key):
        raise Conflict
    _set(rows, "state", (write.plugin, write.key), write.value)


def _set(rows: Rows, table: str, key: tuple[str, str], value: bytes | None) -> None:
    if value is None:
        rows.drop(table, key)
    else:
        rows.put(table, key, value)


def _forget(rows: Rows, write: Forget) -> None:
    for key, (at, _) in rows.items("seen"):
        if at < write.seen_before:
            rows.drop("seen", key)
    events = rows.all("event")
    young = next((event.seq for event in events if event.at_ms >= write.events_before_ms), rows.event)
    for event in events:
        if event.seq < max(young, rows.event - max(write.events_keep, 1) + 1):
            rows.drop("event", (event.seq,))


EFFECTS: dict[type[writes.Write], Callable[[Rows, Any], None]] = {
    writes.PutAccount: lambda rows, write: rows.put("account", (write.row.id,), write.row),
    writes.PutContact: lambda rows, write: rows.put("contact", (write.row.account, write.row.id), write.row),
    writes.DropContact: _drop_contact,
    writes.AddMessage: _add_message,
    writes.SetMessageState: _set_message_state,
    writes.MarkRead: _mark_read,
    writes.AddOutgoing: lambda rows, write: _add_outgoing(rows, write.row),
    writes.ReplaceOutgoing: _replace_outgoing,
    writes.SetOutgoing: _set_outgoing,
    writes.NoteDeposits: _note_deposits,
    writes.DropOutgoing: lambda rows, write: _drop_outgoing(rows, write.account, write.id),
    writes.DropOutgoingOf: _drop_outgoing_of,
    writes.PutSession: _put_session,
    writes.DropSession: _drop_session,
    writes.AddSkipped: _add_skipped,
    writes.DropSkipped: _drop_skipped,
    writes.AddQuarantined: lambda rows, write: rows.put("quarantine", (write.row.account, write.row.packet), write.row),
    writes.DropQuarantined: lambda rows, write: rows.drop("quarantine", (write.account, write.packet)),
    writes.PutKeys: _put_keys,
    writes.DropKeys: _drop_keys,
    writes.PutInvite: lambda rows, write: rows.put("invite", (write.row.account, write.row.number), write.row),
    writes.MarkSeen: lambda rows, write: rows.add("seen", (write.account, write.packet), (write.at, write.message)),
    writes.OweReceipt: lambda rows, write: rows.put("receipt", astuple(write.row), write.row),
    writes.DropReceipts: _drop_receipts,
    writes.AddEvent: _add_event,
    writes.SetSetting: lambda rows, write: _set(rows, "setting", (write.account, write.key), write.value),
    writes.SetPluginState: _set_plugin_state,
    Forget: _forget,
}
