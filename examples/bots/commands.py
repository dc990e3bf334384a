"""A shop that takes orders by chat, in Portuguese: commands with arguments, plain questions, a cart each.

The arguments of commands have Portuguese names because people see them: `Uso: /pedir PRODUTO [QUANTIDADE]`.
"""

from mepassa import Bot, Context, F
from mepassa.bot import fold

PRICES = {"Açúcar": 549, "Café": 1890, "Mate": 1290}  # in cents
PRODUCTS = {fold(name): name for name in PRICES}  # found without case and accents
MOST = 99  # pieces of a product in a cart

bot = Bot("loja", language="pt-BR")


def reais(cents: int) -> str:
    return f"R$ {cents // 100:_},{cents % 100:02}".replace("_", ".")


@bot.command("preço", help="diz quanto custa um produto")
@bot.message(F.text.folded.regex(r"quanto (custa|é|sai) (o |a )?(?P<produto>\w+)"))
async def price(ctx: Context, produto: str) -> None:
    name = PRODUCTS.get(fold(produto))
    await ctx.reply(f"{name}: {reais(PRICES[name])}" if name else f"Temos {', '.join(PRICES)}.")


@bot.command("pedir", help="põe um produto no carrinho")
async def order(ctx: Context, produto: str, quantidade: int = 1) -> None:
    name, cart = PRODUCTS.get(fold(produto)), ctx.state.setdefault("cart", {})
    if name is None:
        await ctx.reply(f"Temos {', '.join(PRICES)}.")
    elif not 1 <= cart.get(name, 0) + quantidade <= MOST:
        await ctx.reply(f"O carrinho leva de 1 a {MOST} de cada produto.")
    else:
        cart[name] = cart.get(name, 0) + quantidade
        await show(ctx)


@bot.command("carrinho", help="mostra o que você pediu")
async def show(ctx: Context) -> None:
    cart = ctx.state.get("cart", {})
    lines = [f"{count} × {name}" for name, count in cart.items()]
    total = sum(count * PRICES[name] for name, count in cart.items())
    await ctx.reply("\n".join([*lines, f"Total: {reais(total)}"]) if cart else "O carrinho está vazio.")


@bot.command("esvaziar", help="esvazia o carrinho")
async def clear(ctx: Context) -> None:
    ctx.state.clear()
    await ctx.reply("O carrinho está vazio.")


@bot.message
async def otherwise(ctx: Context) -> None:
    await ctx.reply("Não entendi. /ajuda mostra o que eu sei.")


if __name__ == "__main__":
    bot.run()
