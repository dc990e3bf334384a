"""`mepassa tail`: the node's events as they happen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from mepassa.cli.session import Session, over_socket
from mepassa.cli.text import as_json, echo_line, visible
from mepassa.events import Event


@click.command(short_help="Follow events until Ctrl-C.")
@click.option("--json", "json_lines", is_flag=True, help="One JSON object a line: seq, topic and data.")
@click.option("--topic", "topics", multiple=True, help="Only this topic; may be given several times.")
@click.option("--after", type=click.IntRange(min=0), help="Begin behind this number; 0 = with the oldest kept.")
@over_socket
async def tail(session: Session, json_lines: bool, topics: Sequence[str], after: int | None) -> None:
    """Follow events of all the node's accounts (with --account: of that one) until Ctrl-C."""
    async for event in session.client.follow(topics=topics or None, after=after, account=session.account):
        echo_line(_json(event) if json_lines else _plain(event))


def _json(event: Event[dict[str, Any]]) -> str:
    return as_json({"seq": event.seq, "topic": event.topic, "data": event.data})


def _plain(event: Event[dict[str, Any]]) -> str:
    facts = "  ".join(f"{name}={visible(str(value))}" for name, value in event.data.items() if value is not None)
    return f"{event.seq or '-'}  {visible(event.topic)}  {facts}"
