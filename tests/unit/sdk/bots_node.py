"""A node that keeps what bots do in memory, behind a real socket that may be cut at any byte and around any call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from anyio.abc import TaskGroup
from wire_node import ANA, ME, Refusal, Wire, WireNode

Cut = Callable[[str, int], str]
"""What happens at the n-th call of a method: "" nothing, "before" or "after" it is carried out the connection ends, or
with the "node" all connections."""


class BotsNode(WireNode):
    """`answers` is what bots sent, in order: conversation, request id and text."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.answers: list[tuple[str, str, str]] = []
        self.places: dict[str, int] = {}
        self.marks: dict[tuple[str, str], int] = {}
        self.states: dict[tuple[str, str], dict[str, Any]] = {}
        self.refuse: Callable[[str], Refusal | None] = lambda text: None  # of a text that a bot sends
        self.cut: Cut = lambda method, number: ""
        self.typed: list[bool] = []
        self.token = "mpt1_good"
        self.words_file: str | None = None
        self.contacts = 0
        self._counts: Counter[str] = Counter()
        self.methods |= {
            "system.hello": self.hello,
            "bots.register": self.register,
            "invites.create": self.invite,
            "contacts.list": self.list_contacts,
            "bots.open": self.open_bot,
            "bots.state": self.state,
            "bots.answer": self.answer,
            "bots.save": self.save,
            "messages.send": self.send_now,
            "conversations.typing": self.typing,
            "conversations.list": self.list_conversations,
        }

    def say(self, text: str, contact: str = ANA, account: str = ME) -> str:
        """A contact writes; the message's id."""
        message_id = f"m{len(self.log) + 1}"
        self.publish(
            "message.received",
            account=account,
            message_id=message_id,
            contact=contact,
            conversation=f"with {contact}",
            text=text,
            time="2030-01-02T03:04:05.006Z",
        )
        return message_id

    def texts(self, contact: str = ANA) -> list[str]:
        """What a contact was answered."""
        return [text for conversation, _, text in self.answers if conversation == f"with {contact}"]

    @property
    def place(self) -> int:
        """Up to where the only bot is."""
        return max(self.places.values(), default=0)

    async def hello(self, wire: Wire, token: str | None = None, **_: Any) -> dict[str, Any]:
        if token not in (None, self.token):
            raise Refusal(2000, "TokenRefused", "This token is unknown.")
        if token is not None:
            wire.account = "mp1bot"
        return {"version": "0", "api": 1, "methods": [], "topics": [], "account": "mp1bot", "scopes": ["write"]}

    async def register(self, wire: Wire, bot: str) -> dict[str, Any]:
        return {"account": "mp1bot", "token": self.token, "words_file": self.words_file}

    async def invite(self, wire: Wire, **_: Any) -> dict[str, Any]:
        return {"uri": "mepassa:i/1/AAAA", "expires_at": "2030-01-02T03:04:05.006Z"}

    async def list_contacts(self, wire: Wire, **_: Any) -> dict[str, Any]:
        row = {
            "contact": ANA, "conversation": f"with {ANA}", "name": "Ana", "petname": None, "chosen_name": "Ana",
            "key_suffix": "", "kind": "person", "state": "accepted", "reason": None, "blocked": False,
            "verified": False, "online": False, "created_at": "2030-01-02T03:04:05.006Z",
        }  # fmt: skip
        return {"items": [row] * self.contacts, "next": None}

    async def open_bot(self, wire: Wire, bot: str, account: str | None = None) -> dict[str, Any]:
        return {"account": account or wire.account, "seq": self.places.get(bot)}

    async def state(self, wire: Wire, bot: str, conversation: str, account: str = ME) -> dict[str, Any]:
        key = bot, conversation
        return {"seq": self.marks.get(key, 0), "state": self.states.get(key, {})}

    async def save(self, wire: Wire, bot: str, place: int, account: str = ME) -> dict[str, Any]:
        self.places[bot] = place
        return {}

    async def answer(
        self,
        wire: Wire,
        bot: str,
        conversation: str,
        after: int,
        seq: int,
        place: int,
        answers: list[dict[str, str]],
        state: dict[str, Any] | None = None,
        account: str = ME,
    ) -> dict[str, Any]:
        key = bot, conversation
        assert seq > after
        for one in answers:
            self._check(one["text"])
        if self.marks.get(key, 0) != after:
            raise Refusal(2100, "AlreadyAnswered", "Another run of this bot has dealt with that event.")
        for one in answers:
            self._keep(conversation, one["request_id"], one["text"])
        self.marks[key] = seq
        self.places[bot] = place
        if state is not None:
            self.states[key] = state
        return {"message_ids": []}

    async def send_now(
        self, wire: Wire, text: str, request_id: str, conversation: str = "", contact: str = "", account: str = ME
    ) -> dict[str, Any]:
        self._check(text)
        conversation = conversation or f"with {contact}"
        if any(known == request_id and text != said for _, known, said in self.answers):
            raise Refusal(1205, "RequestReused", "This `request_id` was already used for a different message.")
        self._keep(conversation, request_id, text)
        return {"message_id": f"out-{request_id}"}

    def _check(self, text: str) -> None:
        if refusal := self.refuse(text):
            raise refusal

    def _keep(self, conversation: str, request_id: str, text: str) -> None:
        if all(known != request_id for _, known, _ in self.answers):
            self.answers.append((conversation, request_id, text))

    async def typing(self, wire: Wire, conversation: str, active: bool, account: str = ME) -> dict[str, Any]:
        self.typed.append(active)
        return {}

    async def list_conversations(self, wire: Wire, after: str | None = None, **_: Any) -> dict[str, Any]:
        """One a page."""
        known = [None, *dict.fromkeys(data["contact"] for _, data in self.log)]
        place = known.index(after)
        rest = {"unread": 0, "last_time": None, "last_message": None}
        items = [
            {"conversation": f"with {contact}", "contact": contact, **rest} for contact in known[place + 1 : place + 2]
        ]
        return {"items": items, "next": known[place + 1] if place + 2 < len(known) else None}

    async def take(self, tasks: TaskGroup, wire: Wire, call: dict[str, Any]) -> None:
        """Carry out calls in the order in which they came, as the daemon does."""
        method = call["method"]
        self._counts[method] += 1
        cut = self.cut(method, self._counts[method])
        if cut == "before":
            await wire.close()
        elif cut == "after":
            with suppress(Refusal):
                await self.methods[method](wire, **call["params"])
            await wire.close()
        elif cut == "node":
            for one in self._wires:
                await one.close()
        elif method == "events.subscribe":
            tasks.start_soon(self._answer, wire, call)
        else:
            await self._answer(wire, call)
