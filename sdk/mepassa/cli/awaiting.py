"""`mepassa send --wait`: the states of a message as they come, and on standard error what keeps it."""

from __future__ import annotations

import time

import anyio
import click

from mepassa.cli.i18n import _
from mepassa.cli.people import called
from mepassa.cli.session import Refused
from mepassa.cli.text import echo_line
from mepassa.cli.words import route_word, sentence, state_word
from mepassa.events import Events
from mepassa.generated import ContactItem, MessageProgress
from mepassa.text import width

HINT = 5.0
"""Seconds without news after which it is said what is waited for."""

LINGER = 5.0
"""Seconds that a receipt may take of somebody who empties their mailbox at once; who does not is away."""


class Awaited:
    """A message that was sent just now, until it arrived or lies in a mailbox."""

    def __init__(self, contact: ContactItem, events: Events[MessageProgress], started: float) -> None:
        """`contact`: as they were when it was sent, at `started`, monotonic seconds."""
        self._contact, self._events, self._started = contact, events, started
        self._route: str | None = None
        self._deposited = False

    async def watch(self, message_id: str) -> None:
        """Show its states. Raises `Refused` when it never will arrive."""
        self._show("queued", None)
        with anyio.CancelScope() as patience:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._hint)
                async for event in self._events:
                    if event.data.message_id == message_id and self._over(event.topic, event.data, patience):
                        break
                tasks.cancel_scope.cancel()
        if patience.cancelled_caught:
            told = _(
                "It lies in a mailbox of {name}, who has it when they are back: there is nothing more to wait for."
            )
            click.echo(told.format(name=called(self._contact)), err=True)

    def _over(self, topic: str, data: MessageProgress, patience: anyio.CancelScope) -> bool:
        """Show news of the message; whether it is where it was to go."""
        if topic == "message.failed":
            reason = sentence(data.reason or _("The node gives no reason."))
            raise Refused(_("The message was not delivered. {reason}").format(reason=reason))
        state, self._route = topic.removeprefix("message."), data.route
        self._show(state, data.route)
        if state == "sent" and data.route == "mailbox":
            self._deposited, patience.deadline = True, anyio.current_time() + LINGER
        return state in ("delivered", "read")

    async def _hint(self) -> None:
        """After a while say what is waited for."""
        await anyio.sleep(HINT)
        if self._deposited:
            return
        if self._route is not None:
            told = _("It was sent ({route}); {name} has not confirmed it yet.")
        elif self._contact.online:
            told = _("{name} is connected, and has not taken it yet.")
        elif self._contact.state == "pending":
            told = _("{name} has not answered yet: neither their node nor a mailbox of theirs was reached yet.")
        else:
            told = _("{name} is away: neither their node nor a mailbox of theirs was reached yet.")
        told += " " + _("It is tried until it arrives; Ctrl-C ends the waiting alone.")
        route = route_word(self._route) if self._route else ""
        click.echo(told.format(name=called(self._contact), route=route), err=True)

    def _show(self, state: str, route: str | None) -> None:
        cells = (state_word(state), route_word(route) if route else "-")
        named = "".join(cell + " " * max(12 - width(cell), 1) for cell in cells)
        echo_line(f"{named}{(time.monotonic() - self._started) * 1000:8.1f} ms")
