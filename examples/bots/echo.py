"""A bot that says back what it is told."""

from mepassa import Bot, Context

bot = Bot("echo")


@bot.message
async def echo(ctx: Context) -> None:
    await ctx.reply(ctx.text)


if __name__ == "__main__":
    bot.run()
