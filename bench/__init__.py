"""Measurements of whole daemons over their real sockets: `python -m bench --help`. docs/performance.md has the results."""
