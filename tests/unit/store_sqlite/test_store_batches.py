"""A batch is only a faster way to do its commits one after the other."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mepassad.api import writes
from mepassad.api.store import Commit, Committed
from mepassad.api.types import NodeId
from mepassad.api.writes import Write
from mepassad.builtin.store_sqlite.batches import Batches, Result
from mepassad.builtin.store_sqlite.migrate import migrate, shipped
from mepassad.builtin.store_sqlite.plan import Forget, IndexText
from mepassad.testing.store_rows import (
    ANA,
    EVA,
    RUI,
    a_contact,
    a_receipt,
    a_sent_message,
    a_session,
    an_outgoing,
    conversation_with,
    message_id,
)
from tests.examples import examples

few = st.integers(min_value=0, max_value=3)
contacts = st.sampled_from([RUI, EVA])
ids = st.sampled_from([b"a", b"b"])
states = st.sampled_from(["queued", "sent", "delivered", "read", "failed"])

about_people: list[st.SearchStrategy[Write]] = [
    st.builds(lambda c: writes.PutContact(a_contact(c)), contacts),
    st.builds(lambda c: writes.DropContact(ANA, c), contacts),
]
about_messages: list[st.SearchStrategy[Write]] = [
    st.builds(
        lambda n, c, i: writes.AddMessage(a_sent_message(n, contact=c, incoming=i)), few, contacts, st.booleans()
    ),
    st.builds(lambda n, s: writes.SetMessageState(ANA, message_id(n), s, route=s), few, states),
    st.builds(lambda c, n: writes.MarkRead(ANA, conversation_with(c), message_id(n)), contacts, few),
    st.just(IndexText()),
]
about_outbox: list[st.SearchStrategy[Write]] = [
    st.builds(lambda n, c: writes.AddOutgoing(an_outgoing(n, contact=c)), few, contacts),
    st.builds(lambda n, m: writes.ReplaceOutgoing(ANA, b"packet %d" % n, (an_outgoing(m),)), few, few),
    st.builds(lambda n, s: writes.SetOutgoing(ANA, b"packet %d" % n, s, n, n), few, states),
    st.builds(lambda n, m: writes.NoteDeposits(ANA, NodeId("node"), (b"packet %d" % n,), m), few, few),
    st.builds(lambda n: writes.DropOutgoing(ANA, b"packet %d" % n), few),
    st.builds(lambda n: writes.DropOutgoingOf(ANA, message_id(n)), few),
]
about_sessions: list[st.SearchStrategy[Write]] = [
    st.builds(lambda v, i, c: writes.PutSession(a_session(v, id=i, contact=c)), few, ids, contacts),
    st.builds(lambda i: writes.DropSession(ANA, i), ids),
    st.builds(lambda i, n: writes.AddSkipped(ANA, i, ((b"%d" % n, b"key"),)), ids, few),
    st.builds(lambda i, n: writes.DropSkipped(ANA, i, (b"%d" % n,)), ids, few),
]
about_the_rest: list[st.SearchStrategy[Write]] = [
    st.builds(lambda n: writes.MarkSeen(ANA, b"%d" % n, n), few),
    st.builds(lambda n, c: writes.OweReceipt(a_receipt(n, contact=c)), few, contacts),
    st.builds(lambda n: writes.DropReceipts((a_receipt(n),)), few),
    st.builds(lambda n: writes.AddEvent(ANA, "topic", str(n), n), few),
    st.builds(lambda n: writes.SetSetting("", "key", b"%d" % n if n else None), few),
    st.builds(Forget, few, few, few),
]


def commits_of(kinds: list[st.SearchStrategy[Write]]) -> st.SearchStrategy[list[Commit]]:
    return st.lists(st.builds(Commit, st.lists(st.one_of(kinds), max_size=3).map(tuple)), min_size=2, max_size=10)


# Few kinds at a time, so that writes often meet in the same rows.
commits = st.one_of(
    commits_of(about_people + about_messages),
    commits_of(about_messages),
    commits_of(about_outbox),
    commits_of(about_people + about_sessions),
    commits_of(about_people + about_messages + about_outbox + about_sessions + about_the_rest),
)


def outcome(batches: Sequence[Sequence[Commit]]) -> tuple[list[Any], list[Any]]:
    """What each commit became, and all rows afterwards."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        migrate(database, Path("memory"), shipped())
        writer = Batches(database, Path("memory"))
        results = [result for batch in batches for result in writer.apply(batch)]
        writer.apply([Commit((IndexText(),))])
        database.execute("INSERT INTO message_text (message_text, rank) VALUES ('integrity-check', 1)")
        return [plain(result) for result in results], [line for line in database.iterdump() if not of_index(line)]


def of_index(line: str) -> bool:
    """Whether a line of a dump is about the inside of the search index, which may be cut into other pieces."""
    return "message_text_" in line and "message_text_mark" not in line


def plain(result: Result) -> Any:
    return result.seqs if isinstance(result, Committed) else type(result)


@given(commits=commits)
@settings(max_examples=examples(250))
def test_a_batch_does_what_its_commits_do_one_after_the_other(commits: list[Commit]) -> None:
    assert outcome([commits]) == outcome([[commit] for commit in commits])
