"""What a node does for the nodes of others, by its roles: admission, the mailbox."""
