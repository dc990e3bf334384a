"""Reminds people: `/remind 10m call Ana`. What is to come is kept in the state, so it outlives a restart."""

import logging
import re

from mepassa import Bot, Clock, Context, RpcError

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LOOK_EVERY = 5.0  # seconds
MOST = 20  # reminders of one contact

bot = Bot("reminder")


@bot.provide
def sent() -> set[str]:
    """Ids of reminders that went out in this run, and may leave the state."""
    return set()


@bot.command("remind", help="reminds you: /remind 10m call Ana")
async def remind(ctx: Context, after: str, text: str, clock: Clock, sent: set[str]) -> None:
    span = re.fullmatch(r"(\d{1,4})([smhd])", after, re.ASCII)
    waiting = [one for one in ctx.state.get("reminders", []) if one["id"] not in sent]
    if span is None:
        await ctx.reply("After how long? For example 30s, 10m, 2h or 1d: /remind 10m call Ana")
    elif len(waiting) == MOST or len(text) > 500:
        await ctx.reply(f"I keep {MOST} reminders for you, of 500 characters each.")
    else:
        due = clock.now().timestamp() + int(span[1]) * SECONDS[span[2]]
        ctx.state["reminders"] = [*waiting, {"id": ctx.message.id, "due": due, "text": text}]
        await ctx.reply(f"I will remind you in {after}.")


@bot.task
async def send_what_is_due(bot: Bot, clock: Clock, sent: set[str]) -> None:
    while True:
        async for conversation in bot.conversations():
            for one in conversation.state.get("reminders", []):
                if one["due"] <= clock.now().timestamp() and one["id"] not in sent:
                    try:  # the same request_id is sent once, though an earlier run may have done it
                        await bot.send(conversation.contact, f"⏰ {one['text']}", request_id=one["id"])
                    except RpcError as error:  # blocked, for example; others must not wait for it
                        logging.warning("reminder %s was not sent: %s", one["id"], error.name)
                    sent.add(one["id"])
        await clock.sleep(LOOK_EVERY)


if __name__ == "__main__":
    bot.run()
