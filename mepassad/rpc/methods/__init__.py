"""The RPC methods, one module a noun."""
