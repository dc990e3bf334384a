"""Client, bots and command for a mepassad node."""
