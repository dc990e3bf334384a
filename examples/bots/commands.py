"""A bot with commands that counts, adds and remembers; `/help` lists them."""

from mepassa import Bot, Context, F

bot = Bot("commands")


@bot.command("ping", help="answers pong")
async def ping(ctx: Context) -> None:
    await ctx.reply("pong")


@bot.command("add", help="adds numbers")
async def add(ctx: Context, *numbers: float) -> None:
    await ctx.reply(f"{sum(numbers):g}")


@bot.command("note", help="keeps a note, or shows those that are kept")
async def note(ctx: Context, text: str = "") -> None:
    notes = ctx.state.setdefault("notes", [])
    if text:
        notes.append(text)
        await ctx.reply(f"Kept, that makes {len(notes)}.")
    else:
        await ctx.reply("\n".join(notes) or "There are no notes.")


@bot.command("forget", help="forgets all notes, or the one of this number")
async def forget(ctx: Context, number: int | None = None) -> None:
    if number is None:
        ctx.state.clear()
    else:
        del ctx.state["notes"][number - 1]
    await ctx.reply("Forgotten.")


@bot.error(LookupError)
async def no_such_note(ctx: Context, error: LookupError) -> None:
    await ctx.reply("There is no note of that number.")


@bot.message(F.text.folded.regex(r"my name is (?P<name>\w+)"))
async def hello(ctx: Context, name: str) -> None:
    await ctx.reply(f"Hello, {name}!")


if __name__ == "__main__":
    bot.run()
