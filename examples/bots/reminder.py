"""A bot that reminds, also after a restart: `/remind 10 minutes call Ana`."""

from contextlib import suppress
from datetime import datetime, timedelta

from mepassa import Bot, Context, RpcError
from mepassa.bot import Clock

bot = Bot("reminder")

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


class Agenda:
    """All reminders by the id of the message that asked for them, and which of them were sent."""

    def __init__(self) -> None:
        self.open: dict[str, tuple[datetime, str, str]] = {}  # when, to whom, what
        self.sent: set[str] = set()


@bot.provide
def agenda() -> Agenda:
    return Agenda()


@bot.command("remind", help="reminds you: /remind 10 minutes call Ana")
async def remind(ctx: Context, amount: int, unit: str, what: str, agenda: Agenda) -> None:
    seconds = UNITS.get(unit.lower().removesuffix("s"))
    if seconds is None or not 0 < amount * seconds < 10 * 365 * 86400:
        await ctx.reply("I know seconds, minutes, hours and days, up to ten years.")
        return
    when = ctx.message.time + timedelta(seconds=amount * seconds)
    reminders = ctx.state.setdefault("reminders", {})
    for known in agenda.sent & reminders.keys():
        del reminders[known]
    reminders[ctx.message.id] = [when.isoformat(), what]
    agenda.open[ctx.message.id] = when, ctx.message.contact, what
    await ctx.reply(f"I will remind you in {amount} {unit}.")


@bot.task
async def send_what_is_due(bot: Bot, clock: Clock, agenda: Agenda) -> None:
    async for conversation in bot.conversations():
        for asked, (when, what) in conversation.state.get("reminders", {}).items():
            agenda.open.setdefault(asked, (datetime.fromisoformat(when), conversation.contact, what))
    while True:
        for asked, (when, contact, what) in list(agenda.open.items()):
            if when <= clock.now():
                with suppress(RpcError):  # of a contact who was blocked since, for example
                    await bot.send(contact, f"You wanted to be reminded: {what}", request_id=asked)
                agenda.sent.add(asked)
                del agenda.open[asked]
        await clock.sleep(1)


if __name__ == "__main__":
    bot.run()
