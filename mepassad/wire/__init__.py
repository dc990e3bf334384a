"""Wire formats, sans-I/O: bytes to values and back."""
