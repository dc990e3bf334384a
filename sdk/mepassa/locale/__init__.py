"""The gettext catalogues of this distribution, a folder a language."""

from __future__ import annotations

from pathlib import Path

DOMAIN = "mepassa"
LOCALE = Path(__file__).parent
