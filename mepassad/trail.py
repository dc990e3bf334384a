"""The way of each message in the log: a line for each step, all with the message's id, which is the same at both ends.
Nothing of its content, and not from or to whom."""

from __future__ import annotations

from mepassad.api.context import Log
from mepassad.bus import Bus, Fact, Signal

_STEPS = {
    "message.received": "a message was received",
    "message.sent": "a message was sent",
    "message.delivered": "a message was delivered",
    "message.read": "a message was read",
}


def follow(bus: Bus, log: Log) -> None:
    """Write a line at each step of each message from now on: what failed for an operator, the rest at `debug`."""

    def heard(event: Fact | Signal) -> None:
        if event.topic in _STEPS:
            log.debug(_STEPS[event.topic], **_shown(event))
        elif event.topic == "message.failed":
            log.info("a message failed", **_shown(event))

    bus.subscribe(heard)


def _shown(event: Fact | Signal) -> dict[str, object]:
    said = {name: event.data[name] for name in ("route", "reason") if event.data.get(name)}
    return {"message": event.data["message_id"], **said}
