"""An echo bot that answers as fast as it can: the limit of answers a minute is off."""

from mepassa import Bot, Context

bot = Bot("bench-echo", answers_per_minute=None)


@bot.message
async def echo(ctx: Context) -> None:
    """Say back what was said."""
    await ctx.reply(ctx.text)


if __name__ == "__main__":
    bot.run()
