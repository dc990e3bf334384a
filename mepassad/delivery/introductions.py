"""How two accounts become contacts: the hello that redeems an invite, and the hello that answers it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from mepassad.api.context import Clock
from mepassad.api.node_id import key_from_node_id, node_id_from_key
from mepassad.api.types import Contact, Invite
from mepassad.bus import Change
from mepassad.delivery.arrivals import Arrival
from mepassad.errors import MalformedContent
from mepassad.people.accounts import Me
from mepassad.people.contacts import Contacts
from mepassad.people.invites import Invites
from mepassad.people.reunions import Reunions
from mepassad.wire.directory import reunion_proof
from mepassad.wire.identity import VerifiedCard, sign_card, verify_card
from mepassad.wire.ids import account_id, account_key, b64, direct_conversation
from mepassad.wire.invites import parse_invite, proof
from mepassad.wire.messages_pb2 import Content, Introduction, NodeHint, Places
from mepassad.wire.packets import Reason

MAX_NODES = 4
MAX_ADDRESSES = 8
MAX_ADDRESS = 256
MAX_PLACES = 8192  # bytes of what a contact says of its mailboxes and their keys


class Introductions:
    """Makes introductions of our accounts, and learns from those of others."""

    def __init__(self, clock: Clock, contacts: Contacts, invites: Invites, reunions: Reunions) -> None:
        """`contacts` and `invites` are read and changed in memory together with the change handed in. `places` says
        where a contact finds us while we are away, and `findable` adds under what in directories."""
        self._clock, self._contacts, self._invites, self._reunions = clock, contacts, invites, reunions
        self.places: Callable[[Me, Contact], Places] = lambda me, contact: Places()
        self.findable: Callable[[Me, Places], None] = lambda me, places: None

    def ours(self, me: Me, contact: Contact, transcript: bytes = b"", restored: bool = False) -> Introduction:
        """Who we are, for a contact.

        With the `transcript` of a new session it redeems the invite that the contact came by, or, where the contact
        was `restored`, proves that we are an old contact of theirs.
        """
        card = sign_card(me.device, me.row.name, me.row.kind, me.row.device_list, int(self._clock.now()))
        introduction = Introduction(card=card, number=contact.number, nodes=self._our_nodes())
        places = self.places(me, contact)
        self.findable(me, places)
        if places.ByteSize():
            introduction.places.CopyFrom(places)
        if me.directory:
            introduction.directory_number = me.directory.number()
            introduction.reunion_key = me.directory.reunion_key(account_key(contact.id))
        if transcript and restored:
            introduction.invite = contact.directory[:32]
            introduction.proof = reunion_proof(contact.directory[32:], transcript)
        elif transcript and contact.invite:
            link = parse_invite(contact.invite)
            introduction.invite = link.number
            introduction.proof = proof(link.secret, transcript, link.in_person)
        return introduction

    def _our_nodes(self) -> list[NodeHint]:
        hints = self._invites.hints()
        return [NodeHint(key=key_from_node_id(node), addresses=addresses) for node, addresses in hints.items()]

    def redeem(self, arrival: Arrival, me: Me, device: bytes, content: Content, transcript: bytes) -> Contact | Reason:
        """Make a contact of a stranger whose first message from `device` redeems an invite, or comes back to an
        account that was restored; or say why not.

        Who redeems a code is verified; who comes too late is told of. Raises `MalformedContent`, `InvalidSignature`.
        """
        introduction, change = content.introduction, arrival.change
        card = verify_card(introduction.card, int(self._clock.now()))
        if device not in card.devices.names or card.devices.account == me.key:
            raise MalformedContent("an introduction is not the sender's own")
        contact = account_id(card.devices.account)
        known = self._contacts.find(me.row.id, contact)
        if known and known.blocked:
            return Reason.INVITE_UNKNOWN  # a blocked contact learns nothing by trying
        lay = arrival.box == introduction.invite
        judged = self._judge(me, card.devices.account, introduction, transcript, lay)
        if judged is Reason.INVITE_USED and not (known and known.state == "accepted"):
            self._invites.report(introduction.invite, contact)
        if isinstance(judged, Reason):
            return judged
        if known:
            card.devices.check_follows(self._contacts.devices(known))
        number, keep_number = self._invites.numbers.new(me.row.id)
        change.add(keep_number)
        row = known or Contact(
            account=me.row.id,
            id=contact,
            conversation=direct_conversation(me.key, card.devices.account),
            state="pending",
            number=number,
            created_at=int(self._clock.now()),
        )
        verified = row.verified or bool(judged and judged.in_person)
        row = replace(self._learnt(row, card, introduction), verified=verified)
        if judged is not None:
            self._invites.use(change, judged)
        self._contacts.put(change, row, "contact.added")
        return row

    def is_shown(self, me: Me, contact: Contact, introduction: Introduction, transcript: bytes) -> bool:
        """Whether a contact proves to know an invite of ours, used up or not, or comes back."""
        return self._judge(me, account_key(contact.id), introduction, transcript) is not Reason.INVITE_UNKNOWN

    def _judge(
        self, me: Me, contact: bytes, introduction: Introduction, transcript: bytes, lay: bool = False
    ) -> Invite | Reason | None:
        """The invite that is redeemed, None where an old contact comes back, or why neither."""
        if self._reunions.of_number(introduction.invite) is not me:
            return self._invites.judge(me.row.id, introduction.invite, introduction.proof, transcript, lay)
        proven = self._reunions.is_proven(me, contact, introduction.proof, transcript)
        return None if proven else Reason.INVITE_UNKNOWN

    def newly_listed(self, me: Me, device: bytes, content: Content) -> Contact | None:
        """The contact who introduces, from a device that was not known to be theirs, a device list that names it.

        Raises `MalformedContent`, `InvalidSignature`.
        """
        card = verify_card(content.introduction.card, int(self._clock.now()))
        contact = self._contacts.find(me.row.id, account_id(card.devices.account))
        if contact is None or contact.state != "accepted" or device not in card.devices.names:
            return None
        card.devices.check_follows(self._contacts.devices(contact))
        return contact if contact.conversation == b64(content.conversation) else None

    def learn(self, change: Change, contact: Contact, device: bytes, introduction: Introduction) -> Contact:
        """Take up what a contact says of itself: the answer to our invite, a new name, new addresses.

        An older device list than the one seen is refused. Raises `MalformedContent`, `InvalidSignature`.
        """
        card = verify_card(introduction.card, int(self._clock.now()))
        if account_id(card.devices.account) != contact.id or device not in card.devices.names:
            raise MalformedContent("an introduction is not the sender's own")
        card.devices.check_follows(self._contacts.devices(contact))
        row = self._learnt(contact, card, introduction)
        if row == contact:
            return contact
        added = contact.state != "accepted"
        if added or row.name != contact.name:
            self._contacts.put(change, row, "contact.added" if added else "contact.changed")
        else:
            self._contacts.put_quietly(change, row)
        return row

    def _learnt(self, contact: Contact, card: VerifiedCard, introduction: Introduction) -> Contact:
        if len(introduction.number) != 32:
            raise MalformedContent("an introduction has no number")
        return replace(
            contact,
            state="accepted",
            name=card.name,
            kind=card.kind,
            device_list=card.devices.signed,
            their_number=introduction.number,
            nodes=read_nodes(introduction.nodes) or contact.nodes,
            directory=_directory(introduction) or contact.directory,
            places=_places(introduction) or contact.places,
            invite="",
            reason="",
        )


def _directory(introduction: Introduction) -> bytes:
    """Where the sender is found after a restore: number and key; nothing where it does not say. Raises
    `MalformedContent`."""
    number, key = introduction.directory_number, introduction.reunion_key
    if (len(number), len(key)) not in ((0, 0), (32, 32)):
        raise MalformedContent("an introduction has half a directory number")
    return number + key


def _places(introduction: Introduction) -> bytes:
    """The sender's mailboxes and keys, as they came; nothing where it does not say. Raises `MalformedContent`."""
    if not introduction.HasField("places"):
        return b""
    places = introduction.places
    keys = (places.number_key, places.directory_key, places.addresses_number, places.addresses_key)
    devices = [listed.device for listed in places.seal_keys]
    if any(len(key) not in (0, 32) for key in keys) or any(len(device) != 32 for device in devices):
        raise MalformedContent("an introduction has a key of another size")
    if places.ByteSize() > MAX_PLACES:
        raise MalformedContent("an introduction names too many places")
    return places.SerializeToString()


def read_nodes(hints: Sequence[NodeHint]) -> dict[str, list[str]]:
    """Where somebody says it can be reached; bounded. Raises `MalformedContent`."""
    try:
        return {
            node_id_from_key(hint.key): [text for text in hint.addresses[:MAX_ADDRESSES] if len(text) <= MAX_ADDRESS]
            for hint in hints[:MAX_NODES]
        }
    except ValueError as error:
        raise MalformedContent from error
