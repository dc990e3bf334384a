"""The SQL of every write, named by what it does. Values come in the order of the placeholders."""

from __future__ import annotations

from mepassad.api.types import Account, Contact, Invite, Message, Outgoing, PrivateKey, Quarantined, Receipt, Session
from mepassad.builtin.store_sqlite.rows import insert, upsert

PUT_ACCOUNT = upsert("account", Account, ["id"])
PUT_CONTACT = upsert("contact", Contact, ["account", "id"])
PUT_KEY = upsert("private_key", PrivateKey, ["account", "id"])
PUT_INVITE = upsert("invite", Invite, ["account", "number"])
PUT_SETTING = (
    "INSERT INTO setting (account, key, value) VALUES (?, ?, ?) "
    "ON CONFLICT (account, key) DO UPDATE SET value = excluded.value"
)
PUT_PLUGIN_STATE = (
    "INSERT INTO plugin_state (plugin, key, value) VALUES (?, ?, ?) "
    "ON CONFLICT (plugin, key) DO UPDATE SET value = excluded.value"
)
ADD_PLUGIN_STATE = "INSERT INTO plugin_state (plugin, key, value) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
MOVE_PLUGIN_STATE = "UPDATE plugin_state SET value = ?3 WHERE plugin = ?1 AND key = ?2 AND value = ?4"
DROP_SETTING = "DELETE FROM setting WHERE account = ? AND key = ?"
DROP_PLUGIN_STATE = "DELETE FROM plugin_state WHERE plugin = ? AND key = ?"
DROP_KEY = "DELETE FROM private_key WHERE account = ? AND id = ?"

ADD_MESSAGE = insert("message", Message)
# ?8 to ?11: the states that the new one may follow.
CLIMB = (
    "UPDATE message SET state = ?3, route = CASE ?4 WHEN '' THEN route ELSE ?4 END, "
    "reason = CASE ?5 WHEN '' THEN reason ELSE ?5 END, tries = CASE ?6 WHEN 0 THEN tries ELSE ?6 END, "
    "latency_ms = CASE ?7 WHEN 0 THEN latency_ms ELSE ?7 END "
    "WHERE account = ?1 AND id = ?2 AND state IN (?8, ?9, ?10, ?11)"
)
MARK_READ = (
    "UPDATE message SET state = 'read' WHERE account = ?1 AND conversation = ?2 AND incoming = 1 "
    "AND state = 'received' AND (sort_ms, seq) <= "
    "(SELECT sort_ms, seq FROM message WHERE account = ?1 AND conversation = ?2 AND id = ?3)"
)

ADD_OUTGOING = insert("outgoing", Outgoing)
SET_OUTGOING = "UPDATE outgoing SET state = ?3, attempts = ?4, next_at = ?5 WHERE account = ?1 AND id = ?2"
# Reads outbox rows, so it keeps its place among their writes.
NOTE_DEPOSIT = (
    "INSERT INTO deposit (account, packet, node, at) "
    "SELECT account, id, ?3, ?4 FROM outgoing WHERE account = ?1 AND id = ?2 "
    "ON CONFLICT DO UPDATE SET at = excluded.at"
)
DROP_OUTGOING = "DELETE FROM outgoing WHERE account = ? AND id = ?"
DROP_OUTGOING_OF = "DELETE FROM outgoing WHERE account = ?1 AND message = ?2 AND message <> ''"
DROP_OUTGOING_OF_DEVICE = f"{DROP_OUTGOING_OF} AND device = ?3"

ADD_SESSION = f"{insert('session', Session)} ON CONFLICT DO NOTHING"
# The version that was read stands in the condition: a session that moved on meanwhile is not touched.
ADVANCE_SESSION = (
    "UPDATE session SET contact = ?3, device = ?4, state = ?5, version = ?6, used_ms = ?7, heard = ?8 "
    "WHERE account = ?1 AND id = ?2 AND version = ?9"
)
ADD_SKIPPED = (
    "INSERT INTO skipped (account, session, reference, key) VALUES (?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET key = excluded.key"
)
DROP_SKIPPED = "DELETE FROM skipped WHERE account = ? AND session = ? AND reference = ?"
DROP_SESSION = (
    "DELETE FROM session WHERE account = ?1 AND id = ?2",
    "DELETE FROM skipped WHERE account = ?1 AND session = ?2",
)

ADD_QUARANTINED = f"{insert('quarantine', Quarantined)} ON CONFLICT DO NOTHING"
DROP_QUARANTINED = "DELETE FROM quarantine WHERE account = ? AND packet = ?"

MARK_SEEN = "INSERT INTO seen (account, packet, at, message) VALUES (?, ?, ?, ?)"
OWE_RECEIPT = f"{insert('receipt', Receipt)} ON CONFLICT DO NOTHING"
DROP_RECEIPT = "DELETE FROM receipt WHERE account = ? AND contact = ? AND message = ? AND kind = ?"
ADD_EVENT = "INSERT INTO event (seq, account, topic, object, at_ms) VALUES (?, ?, ?, ?, ?)"

DROP_CONTACT = (
    "DELETE FROM message WHERE account = ?1 AND conversation = "
    "(SELECT conversation FROM contact WHERE account = ?1 AND id = ?2)",
    "DELETE FROM outgoing WHERE account = ?1 AND contact = ?2",
    "DELETE FROM skipped WHERE account = ?1 AND session IN "
    "(SELECT id FROM session WHERE account = ?1 AND contact = ?2)",
    "DELETE FROM session WHERE account = ?1 AND contact = ?2",
    "DELETE FROM quarantine WHERE account = ?1 AND contact = ?2",
    "DELETE FROM receipt WHERE account = ?1 AND contact = ?2",
    "DELETE FROM contact WHERE account = ?1 AND id = ?2",
)
# FTS5 only marks dropped words as dropped; written anew, the index is without them.
FORGET_DROPPED_WORDS = ("INSERT INTO message_text (message_text) VALUES ('optimize')",)

FORGET_SEEN = "DELETE FROM seen WHERE at < ?"
# Event times rise with their numbers, so the first young enough event ends the search.
# The newest event is kept whatever its age: from it the numbers go on after a restart.
FORGET_OLD_EVENTS = (
    "DELETE FROM event WHERE seq < coalesce((SELECT seq FROM event WHERE at_ms >= ? ORDER BY seq LIMIT 1), "
    "(SELECT max(seq) FROM event))"
)
FORGET_SURPLUS_EVENTS = "DELETE FROM event WHERE seq <= (SELECT max(seq) FROM event) - max(?, 1)"

# The mark may stand above all messages: those that had the last numbers were dropped.
LAST_NUMBERS = (
    "SELECT (SELECT coalesce(max(seq), 0) FROM event), (SELECT coalesce(max(seq), 0) FROM outgoing), "
    "max((SELECT coalesce(max(seq), 0) FROM message), (SELECT seq FROM message_text_mark))"
)
INDEX_TEXT = (
    "INSERT INTO message_text (rowid, text) "
    "SELECT seq, text FROM message WHERE seq > (SELECT seq FROM message_text_mark)",
    "UPDATE message_text_mark SET seq = (SELECT max(seq) FROM message) WHERE seq < (SELECT max(seq) FROM message)",
)

MUST_HIT = {ADD_SESSION, ADVANCE_SESSION, ADD_PLUGIN_STATE, MOVE_PLUGIN_STATE}
"""Statements of which every execution changes a row, or else the commit came too late (`Conflict`)."""
