"""Turns the writes of a batch into few SQL statements with many rows each; pure, no database in sight.

Order: writes to one table keep theirs, writes to different tables may pass each other, because no statement reads
another table. A write that does touch several tables closes the stage: it runs after all before it, before all after.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import msgspec

from mepassad.api import Conflict, writes
from mepassad.api.store import Commit, Committed
from mepassad.api.types import Message, Outgoing, Session
from mepassad.builtin.store_sqlite import statements as sql
from mepassad.builtin.store_sqlite.rows import as_values, contact_values

Step: TypeAlias = tuple[str, list[tuple[Any, ...]]]


class Forget(writes.Write, frozen=True):
    """What the store's own `forget` commits; times in Unix seconds and milliseconds."""

    seen_before: int
    events_before_ms: int
    events_keep: int


class IndexText(writes.Write, frozen=True):
    """Add the words of all messages that are not yet in the search index.

    A write of its own, because nobody needs to wait for it and many messages at once cost less.
    """


class Numbers(NamedTuple):
    """The last numbers given to events, outbox rows and messages."""

    event: int
    outgoing: int
    message: int


class Plan:
    """The statements that a batch of commits becomes."""

    def __init__(self, last: Numbers) -> None:
        self._event, self._outgoing, self._message = last
        self._steps: list[Step] = []
        self._stage: dict[str, list[Step]] = {}
        self._sessions: dict[tuple[str, bytes], tuple[int, Session]] = {}

    def add(self, commit: Commit) -> Committed:
        """Append a commit's writes. Raises `Conflict` if a session's version does not follow one of this batch."""
        last = self._event
        for write in commit.writes:
            _PLANNERS[type(write)](self, write)
        return Committed(tuple(range(last + 1, self._event + 1)))

    def last(self) -> Numbers:
        """The last numbers after this plan."""
        return Numbers(self._event, self._outgoing, self._message)

    def steps(self) -> list[Step]:
        """All statements with their rows, in the order to run them."""
        self._close_stage()
        return self._steps

    def put(self, table: str, statement: str, values: tuple[Any, ...]) -> None:
        """One more row; a run of the same statement on a table is one step."""
        runs = self._stage.get(table)
        if runs is None:
            self._stage[table] = [(statement, [values])]
        elif runs[-1][0] is statement:
            runs[-1][1].append(values)
        else:
            runs.append((statement, [values]))

    def add_event(self, write: writes.AddEvent) -> None:
        """Give the event the next number."""
        self._event += 1
        self.put("event", sql.ADD_EVENT, (self._event, *as_values(write)))

    def add_message(self, row: Message) -> None:
        """Give the message the next number."""
        self._message += 1
        self.put("message", sql.ADD_MESSAGE, (*as_values(row)[:-1], self._message))

    def add_outgoing(self, row: Outgoing) -> None:
        """Give the row the next number."""
        self._outgoing += 1
        self.put("outgoing", sql.ADD_OUTGOING, (*as_values(row)[:-1], self._outgoing))

    def put_session(self, row: Session) -> None:
        """Only the last version of a batch is written; `Conflict` unless it follows step by step."""
        key = (row.account, row.id)
        known = self._sessions.get(key)
        if known is None:
            self._sessions[key] = (row.version - 1, row)
        elif row.version == known[1].version + 1:
            self._sessions[key] = (known[0], row)
        else:
            raise Conflict

    def alone(self, statements: Sequence[str], values: tuple[Any, ...]) -> None:
        """Statements over several tables, between what came before and what comes after."""
        self._close_stage()
        self._steps.extend((statement, [values]) for statement in statements)

    def _close_stage(self) -> None:
        for base, row in self._sessions.values():
            if base == 0:
                self.put("session", sql.ADD_SESSION, as_values(row))
            else:
                self.put("session", sql.ADVANCE_SESSION, (*as_values(row), base))
        for runs in self._stage.values():
            self._steps.extend(runs)
        self._sessions = {}
        self._stage = {}


_MAY_FOLLOW = {
    "queued": ("", "", "", ""),
    "received": ("", "", "", ""),
    "sent": ("queued", "", "", ""),
    "delivered": ("queued", "sent", "", ""),
    "read": ("queued", "sent", "delivered", "received"),
    "failed": ("queued", "sent", "", ""),
    "expired": ("queued", "sent", "", ""),
}


def _set_message_state(plan: Plan, write: writes.SetMessageState) -> None:
    before = _MAY_FOLLOW.get(write.state)
    if before is None:
        raise ValueError(f"unknown message state {write.state!r}")
    plan.put("message", sql.CLIMB, (*as_values(write), *before))


def _drop_contact(plan: Plan, write: writes.DropContact) -> None:
    plan.alone(sql.DROP_CONTACT, as_values(write))
    plan.alone(sql.FORGET_DROPPED_WORDS, ())


def _replace_outgoing(plan: Plan, write: writes.ReplaceOutgoing) -> None:
    plan.put("outgoing", sql.DROP_OUTGOING, (write.account, write.id))
    for row in write.rows:
        plan.add_outgoing(row)


def _note_deposits(plan: Plan, write: writes.NoteDeposits) -> None:
    for packet in write.packets:
        plan.put("outgoing", sql.NOTE_DEPOSIT, (write.account, packet, write.node, write.at))


def _drop_outgoing_of(plan: Plan, write: writes.DropOutgoingOf) -> None:
    if write.device:
        plan.put("outgoing", sql.DROP_OUTGOING_OF_DEVICE, as_values(write))
    else:
        plan.put("outgoing", sql.DROP_OUTGOING_OF, (write.account, write.message))


def _add_skipped(plan: Plan, write: writes.AddSkipped) -> None:
    for reference, key in write.keys:
        plan.put("skipped", sql.ADD_SKIPPED, (write.account, write.session, reference, key))


def _drop_skipped(plan: Plan, write: writes.DropSkipped) -> None:
    for reference in write.references:
        plan.put("skipped", sql.DROP_SKIPPED, (write.account, write.session, reference))


def _put_keys(plan: Plan, write: writes.PutKeys) -> None:
    for row in write.rows:
        plan.put("private_key", sql.PUT_KEY, as_values(row))


def _drop_keys(plan: Plan, write: writes.DropKeys) -> None:
    for number in write.ids:
        plan.put("private_key", sql.DROP_KEY, (write.account, number))


def _drop_receipts(plan: Plan, write: writes.DropReceipts) -> None:
    for row in write.rows:
        plan.put("receipt", sql.DROP_RECEIPT, as_values(row))


def _set_setting(plan: Plan, write: writes.SetSetting) -> None:
    if write.value is None:
        plan.put("setting", sql.DROP_SETTING, (write.account, write.key))
    else:
        plan.put("setting", sql.PUT_SETTING, as_values(write))


def _set_plugin_state(plan: Plan, write: writes.SetPluginState) -> None:
    if write.value is None:
        plan.put("plugin_state", sql.DROP_PLUGIN_STATE, (write.plugin, write.key))
    elif write.was is msgspec.UNSET:
        plan.put("plugin_state", sql.PUT_PLUGIN_STATE, (write.plugin, write.key, write.value))
    elif write.was is None:
        plan.put("plugin_state", sql.ADD_PLUGIN_STATE, (write.plugin, write.key, write.value))
    else:
        plan.put("plugin_state", sql.MOVE_PLUGIN_STATE, (write.plugin, write.key, write.value, write.was))


def _forget(plan: Plan, write: Forget) -> None:
    plan.put("seen", sql.FORGET_SEEN, (write.seen_before,))
    plan.put("event", sql.FORGET_OLD_EVENTS, (write.events_before_ms,))
    plan.put("event", sql.FORGET_SURPLUS_EVENTS, (write.events_keep,))


Planner: TypeAlias = Callable[[Plan, Any], None]

_PLANNERS: dict[type[writes.Write], Planner] = {
    writes.PutAccount: lambda plan, write: plan.put("account", sql.PUT_ACCOUNT, as_values(write.row)),
    writes.PutContact: lambda plan, write: plan.put("contact", sql.PUT_CONTACT, contact_values(write.row)),
    writes.DropContact: _drop_contact,
    writes.AddMessage: lambda plan, write: plan.add_message(write.row),
    writes.SetMessageState: _set_message_state,
    writes.MarkRead: lambda plan, write: plan.put("message", sql.MARK_READ, as_values(write)),
    writes.AddOutgoing: lambda plan, write: plan.add_outgoing(write.row),
    writes.ReplaceOutgoing: _replace_outgoing,
    writes.SetOutgoing: lambda plan, write: plan.put("outgoing", sql.SET_OUTGOING, as_values(write)),
    writes.NoteDeposits: _note_deposits,
    writes.DropOutgoing: lambda plan, write: plan.put("outgoing", sql.DROP_OUTGOING, as_values(write)),
    writes.DropOutgoingOf: _drop_outgoing_of,
    writes.PutSession: lambda plan, write: plan.put_session(write.row),
    writes.DropSession: lambda plan, write: plan.alone(sql.DROP_SESSION, as_values(write)),
    writes.AddSkipped: _add_skipped,
    writes.DropSkipped: _drop_skipped,
    writes.AddQuarantined: lambda plan, write: plan.put("quarantine", sql.ADD_QUARANTINED, as_values(write.row)),
    writes.DropQuarantined: lambda plan, write: plan.put("quarantine", sql.DROP_QUARANTINED, as_values(write)),
    writes.PutKeys: _put_keys,
    writes.DropKeys: _drop_keys,
    writes.PutInvite: lambda plan, write: plan.put("invite", sql.PUT_INVITE, as_values(write.row)),
    writes.MarkSeen: lambda plan, write: plan.put("seen", sql.MARK_SEEN, as_values(write)),
    writes.OweReceipt: lambda plan, write: plan.put("receipt", sql.OWE_RECEIPT, as_values(write.row)),
    writes.DropReceipts: _drop_receipts,
    writes.AddEvent: Plan.add_event,
    writes.SetSetting: _set_setting,
    writes.SetPluginState: _set_plugin_state,
    Forget: _forget,
    IndexText: lambda plan, write: plan.alone(sql.INDEX_TEXT, ()),
}
