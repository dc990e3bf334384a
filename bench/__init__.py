"""Measurements of whole daemons over their real sockets: `python -m bench --help`. Results: docs/performance.md"""
