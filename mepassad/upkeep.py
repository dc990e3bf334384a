"""What the node does by the clock: expire messages, rotate prekeys, forget what is past use."""

from __future__ import annotations

from mepassad.api.context import Clock
from mepassad.api.store import Store
from mepassad.config.model import Events
from mepassad.core import Core
from mepassad.log import StructuredLog
from mepassad.steadiness import Steadiness

EXPIRY = 60.0  # seconds between looks for expired messages
ROUND = 60  # looks between two rounds of the rest: an hour
SEEN_DAYS = 45  # packet ids are remembered for longer than anybody may offer a packet
_DAY = 86_400


async def keep_up(core: Core, store: Store, clock: Clock, events: Events) -> None:
    """Keep the node tidy until cancelled. A full disk is no reason to stop: the next look tries again."""
    log, looks, steadiness = StructuredLog("upkeep"), 0, Steadiness(clock)
    while True:
        await clock.sleep(EXPIRY)
        if not steadiness.look():
            continue
        looks += 1
        try:
            await core.settlement.expire()
            core.give_up_gaps()
            for contact in core.contacts.everybody():
                await core.handshakes.given_up(contact)
            if looks % ROUND == 0:
                for account in core.accounts.all():
                    await core.prekeys.replenish(account.id)
                    await core.seals.replenish(account.id)
                now = int(clock.now())
                await store.forget(now - SEEN_DAYS * _DAY, (now - events.keep_days * _DAY) * 1000, events.keep_rows)
        except Exception as error:
            log.warning("upkeep failed, it is tried again", reason=f"{type(error).__name__}: {error}")
