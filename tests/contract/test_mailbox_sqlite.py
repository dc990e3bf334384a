"""The plugin `mailbox_sqlite` keeps the contract of mailboxes."""

from pathlib import Path

import pytest

for part in ("", "_quotas"):
    pytest.register_assert_rewrite(f"mepassad.testing.mailbox_contract{part}")

from mepassad.builtin.mailbox_sqlite.mailbox import open_mailbox  # noqa: E402
from mepassad.testing.mailbox_contract import MailboxContract  # noqa: E402
from mepassad.testing.mailbox_contract_tools import MakeMailbox  # noqa: E402


class TestMailboxSqlite(MailboxContract):
    @pytest.fixture
    def make_mailbox(self, tmp_path: Path) -> MakeMailbox:
        path = tmp_path / "mailbox" / "mailbox.db"
        return lambda quotas: open_mailbox(path, quotas, cache_mb=4, queue_limit=4096)
