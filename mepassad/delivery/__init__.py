"""What a message passes: outbox, inbox, router, sessions."""
