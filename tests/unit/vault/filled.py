"""A store with a secret in every secret column, each recognisable in any file that holds it in plain."""

from __future__ import annotations

from msgspec.structs import asdict, replace

from mepassad.api.store import Commit, Store
from mepassad.api.types import AccountId, ConversationId, Row
from mepassad.api.writes import (
    AddMessage,
    AddSkipped,
    PutAccount,
    PutContact,
    PutInvite,
    PutKeys,
    PutSession,
    SetSetting,
    Write,
)
from mepassad.testing.store_rows import (
    ANA,
    EVA,
    RUI,
    a_contact,
    a_key,
    a_message,
    a_session,
    an_account,
    an_invite,
)

SECRET = b"zwitschernd"
"""Part of every secret and of nothing else."""


def secret(name: str) -> bytes:
    return SECRET + name.encode()


def rows_of(account: AccountId) -> list[Write]:
    """All that is secret of one account, and what surrounds it."""
    link = (SECRET + account.encode()).decode()
    own = {"account": account}
    return [
        PutContact(
            a_contact(
                **own,
                invite=link,
                directory=secret(account).ljust(64, b"."),
                places=secret(f"places {account}"),
                state="pending",
            )
        ),
        PutContact(a_contact(EVA, **own, conversation=ConversationId("c2"))),
        AddMessage(a_message(1, **own, text="a text that stays as it is")),
        PutSession(a_session(1, **own, state=secret("state"))),
        PutSession(a_session(1, **own, id=b"other", state=secret("other state") * 40)),
        AddSkipped(account, b"session", tuple((bytes([9 - n]), secret(f"skipped {n}")) for n in range(9))),
        PutKeys(tuple(a_key(n, **own, secret=secret(f"prekey {n}")) for n in range(1, 5))),
        PutInvite(an_invite(**own, secret=secret("invite"))),
        SetSetting(account, "number/0a", secret("number of nobody any more")),
        SetSetting(account, "invite/standing", secret("standing")),
        SetSetting(account, "directory/number", secret("directory")),
    ]


async def fill(store: Store) -> None:
    """Keep it all, for two accounts."""
    both = [PutAccount(an_account()), PutAccount(an_account(RUI, created_at=2_000)), SetSetting("", "name", b"open")]
    await store.commit(Commit((*both, *rows_of(ANA), *rows_of(RUI))))


async def everything(store: Store) -> list[object]:
    """All that a store holds, for comparing; the versions of sessions left out, as sealing counts as a step."""
    found: list[object] = [(await store.settings("")).get("name")]
    found.append(sorted(await store.invites(), key=lambda row: row.account))
    for account in await store.accounts():
        found.append(sorted((await store.settings(account.id)).items()))
        found += [account, await store.contacts(account.id), await store.keys(account.id)]
        for session in await store.sessions(account.id):
            found.append(replace(session, version=0))
            found.append(list((await store.skipped(account.id, session.id)).items()))
    return found


def shown(found: object) -> str:
    """What `everything` found, as text with all fields, also those that a repr hides."""
    if isinstance(found, list | tuple):
        return f"[{', '.join(map(shown, found))}]"
    return repr(asdict(found) if isinstance(found, Row) else found)
