"""The local JSON-RPC socket that thin UIs and bots speak to."""
