"""The transport `transport_memory`: nodes within one process, for tests."""
