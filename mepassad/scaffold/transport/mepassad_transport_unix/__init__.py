"""A plugin of mepassad: carries messages between nodes of one machine, over Unix sockets."""
