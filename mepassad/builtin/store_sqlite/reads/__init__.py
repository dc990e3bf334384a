"""What can be read from the store, a module for each kind of noun; each method is one SELECT."""
