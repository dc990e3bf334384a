from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Device(_message.Message):
    __slots__ = ("key", "name", "added_at", "agreement")
    KEY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ADDED_AT_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    name: str
    added_at: int
    agreement: bytes
    def __init__(self, key: _Optional[bytes] = ..., name: _Optional[str] = ..., added_at: _Optional[int] = ..., agreement: _Optional[bytes] = ...) -> None: ...

class DeviceList(_message.Message):
    __slots__ = ("account", "version", "devices", "revoked")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    REVOKED_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    version: int
    devices: _containers.RepeatedCompositeFieldContainer[Device]
    revoked: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, account: _Optional[bytes] = ..., version: _Optional[int] = ..., devices: _Optional[_Iterable[_Union[Device, _Mapping]]] = ..., revoked: _Optional[_Iterable[bytes]] = ...) -> None: ...

class SignedDeviceList(_message.Message):
    __slots__ = ("list", "signature")
    LIST_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    list: bytes
    signature: bytes
    def __init__(self, list: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Card(_message.Message):
    __slots__ = ("name", "kind", "devices", "made_at")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    MADE_AT_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: str
    devices: SignedDeviceList
    made_at: int
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[str] = ..., devices: _Optional[_Union[SignedDeviceList, _Mapping]] = ..., made_at: _Optional[int] = ...) -> None: ...

class SignedCard(_message.Message):
    __slots__ = ("card", "device", "signature")
    CARD_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    card: bytes
    device: bytes
    signature: bytes
    def __init__(self, card: _Optional[bytes] = ..., device: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class NodeHint(_message.Message):
    __slots__ = ("key", "addresses", "roles")
    KEY_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    addresses: _containers.RepeatedScalarFieldContainer[str]
    roles: int
    def __init__(self, key: _Optional[bytes] = ..., addresses: _Optional[_Iterable[str]] = ..., roles: _Optional[int] = ...) -> None: ...

class Invite(_message.Message):
    __slots__ = ("account", "secret", "number", "expires_at", "hints")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    HINTS_FIELD_NUMBER: _ClassVar[int]
    account: bytes
    secret: bytes
    number: bytes
    expires_at: int
    hints: _containers.RepeatedCompositeFieldContainer[NodeHint]
    def __init__(self, account: _Optional[bytes] = ..., secret: _Optional[bytes] = ..., number: _Optional[bytes] = ..., expires_at: _Optional[int] = ..., hints: _Optional[_Iterable[_Union[NodeHint, _Mapping]]] = ...) -> None: ...

class ListStamp(_message.Message):
    __slots__ = ("version", "hash")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    version: int
    hash: bytes
    def __init__(self, version: _Optional[int] = ..., hash: _Optional[bytes] = ...) -> None: ...

class Introduction(_message.Message):
    __slots__ = ("card", "number", "nodes", "invite", "proof", "directory_number", "reunion_key", "places")
    CARD_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    INVITE_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_NUMBER_FIELD_NUMBER: _ClassVar[int]
    REUNION_KEY_FIELD_NUMBER: _ClassVar[int]
    PLACES_FIELD_NUMBER: _ClassVar[int]
    card: SignedCard
    number: bytes
    nodes: _containers.RepeatedCompositeFieldContainer[NodeHint]
    invite: bytes
    proof: bytes
    directory_number: bytes
    reunion_key: bytes
    places: Places
    def __init__(self, card: _Optional[_Union[SignedCard, _Mapping]] = ..., number: _Optional[bytes] = ..., nodes: _Optional[_Iterable[_Union[NodeHint, _Mapping]]] = ..., invite: _Optional[bytes] = ..., proof: _Optional[bytes] = ..., directory_number: _Optional[bytes] = ..., reunion_key: _Optional[bytes] = ..., places: _Optional[_Union[Places, _Mapping]] = ...) -> None: ...

class Places(_message.Message):
    __slots__ = ("mailboxes", "number_key", "directory_key", "addresses_number", "addresses_key", "seal_keys")
    MAILBOXES_FIELD_NUMBER: _ClassVar[int]
    NUMBER_KEY_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_KEY_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_NUMBER_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_KEY_FIELD_NUMBER: _ClassVar[int]
    SEAL_KEYS_FIELD_NUMBER: _ClassVar[int]
    mailboxes: _containers.RepeatedCompositeFieldContainer[NodeHint]
    number_key: bytes
    directory_key: bytes
    addresses_number: bytes
    addresses_key: bytes
    seal_keys: _containers.RepeatedCompositeFieldContainer[DeviceSealKey]
    def __init__(self, mailboxes: _Optional[_Iterable[_Union[NodeHint, _Mapping]]] = ..., number_key: _Optional[bytes] = ..., directory_key: _Optional[bytes] = ..., addresses_number: _Optional[bytes] = ..., addresses_key: _Optional[bytes] = ..., seal_keys: _Optional[_Iterable[_Union[DeviceSealKey, _Mapping]]] = ...) -> None: ...

class DeviceSealKey(_message.Message):
    __slots__ = ("device", "seal_key")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    SEAL_KEY_FIELD_NUMBER: _ClassVar[int]
    device: bytes
    seal_key: SealKey
    def __init__(self, device: _Optional[bytes] = ..., seal_key: _Optional[_Union[SealKey, _Mapping]] = ...) -> None: ...

class Verification(_message.Message):
    __slots__ = ("invite", "proof")
    INVITE_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    invite: bytes
    proof: bytes
    def __init__(self, invite: _Optional[bytes] = ..., proof: _Optional[bytes] = ...) -> None: ...

class Text(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class Typing(_message.Message):
    __slots__ = ("active",)
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    active: bool
    def __init__(self, active: _Optional[bool] = ...) -> None: ...

class Receipts(_message.Message):
    __slots__ = ("delivered", "read")
    DELIVERED_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    delivered: _containers.RepeatedScalarFieldContainer[bytes]
    read: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, delivered: _Optional[_Iterable[bytes]] = ..., read: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Content(_message.Message):
    __slots__ = ("id", "conversation", "kind", "time_ms", "reply_to", "ours", "theirs", "introduction", "receipts", "lost", "text", "typing", "verification")
    ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    REPLY_TO_FIELD_NUMBER: _ClassVar[int]
    OURS_FIELD_NUMBER: _ClassVar[int]
    THEIRS_FIELD_NUMBER: _ClassVar[int]
    INTRODUCTION_FIELD_NUMBER: _ClassVar[int]
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TYPING_FIELD_NUMBER: _ClassVar[int]
    VERIFICATION_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    conversation: bytes
    kind: int
    time_ms: int
    reply_to: bytes
    ours: ListStamp
    theirs: ListStamp
    introduction: Introduction
    receipts: Receipts
    lost: _containers.RepeatedScalarFieldContainer[bytes]
    text: Text
    typing: Typing
    verification: Verification
    def __init__(self, id: _Optional[bytes] = ..., conversation: _Optional[bytes] = ..., kind: _Optional[int] = ..., time_ms: _Optional[int] = ..., reply_to: _Optional[bytes] = ..., ours: _Optional[_Union[ListStamp, _Mapping]] = ..., theirs: _Optional[_Union[ListStamp, _Mapping]] = ..., introduction: _Optional[_Union[Introduction, _Mapping]] = ..., receipts: _Optional[_Union[Receipts, _Mapping]] = ..., lost: _Optional[_Iterable[bytes]] = ..., text: _Optional[_Union[Text, _Mapping]] = ..., typing: _Optional[_Union[Typing, _Mapping]] = ..., verification: _Optional[_Union[Verification, _Mapping]] = ...) -> None: ...

class Packet(_message.Message):
    __slots__ = ("sender", "recipient", "session", "message")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    sender: bytes
    recipient: bytes
    session: bytes
    message: bytes
    def __init__(self, sender: _Optional[bytes] = ..., recipient: _Optional[bytes] = ..., session: _Optional[bytes] = ..., message: _Optional[bytes] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("packet", "reason")
    PACKET_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    packet: bytes
    reason: int
    def __init__(self, packet: _Optional[bytes] = ..., reason: _Optional[int] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("packets", "acks", "refusals")
    PACKETS_FIELD_NUMBER: _ClassVar[int]
    ACKS_FIELD_NUMBER: _ClassVar[int]
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    packets: _containers.RepeatedScalarFieldContainer[bytes]
    acks: _containers.RepeatedScalarFieldContainer[bytes]
    refusals: _containers.RepeatedCompositeFieldContainer[Refusal]
    def __init__(self, packets: _Optional[_Iterable[bytes]] = ..., acks: _Optional[_Iterable[bytes]] = ..., refusals: _Optional[_Iterable[_Union[Refusal, _Mapping]]] = ...) -> None: ...

class PrekeyRequest(_message.Message):
    __slots__ = ("number", "last_resort")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    LAST_RESORT_FIELD_NUMBER: _ClassVar[int]
    number: bytes
    last_resort: bool
    def __init__(self, number: _Optional[bytes] = ..., last_resort: _Optional[bool] = ...) -> None: ...

class SealKey(_message.Message):
    __slots__ = ("id", "created_at", "public", "signature")
    ID_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    id: int
    created_at: int
    public: bytes
    signature: bytes
    def __init__(self, id: _Optional[int] = ..., created_at: _Optional[int] = ..., public: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class DeviceBundle(_message.Message):
    __slots__ = ("device", "bundle", "seal_key")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    SEAL_KEY_FIELD_NUMBER: _ClassVar[int]
    device: bytes
    bundle: bytes
    seal_key: SealKey
    def __init__(self, device: _Optional[bytes] = ..., bundle: _Optional[bytes] = ..., seal_key: _Optional[_Union[SealKey, _Mapping]] = ...) -> None: ...

class PrekeyReply(_message.Message):
    __slots__ = ("devices", "bundles", "refusal")
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    BUNDLES_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    devices: SignedDeviceList
    bundles: _containers.RepeatedCompositeFieldContainer[DeviceBundle]
    refusal: int
    def __init__(self, devices: _Optional[_Union[SignedDeviceList, _Mapping]] = ..., bundles: _Optional[_Iterable[_Union[DeviceBundle, _Mapping]]] = ..., refusal: _Optional[int] = ...) -> None: ...

class Whereabouts(_message.Message):
    __slots__ = ("nodes", "mailboxes", "devices")
    NODES_FIELD_NUMBER: _ClassVar[int]
    MAILBOXES_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    nodes: _containers.RepeatedCompositeFieldContainer[NodeHint]
    mailboxes: _containers.RepeatedCompositeFieldContainer[NodeHint]
    devices: SignedDeviceList
    def __init__(self, nodes: _Optional[_Iterable[_Union[NodeHint, _Mapping]]] = ..., mailboxes: _Optional[_Iterable[_Union[NodeHint, _Mapping]]] = ..., devices: _Optional[_Union[SignedDeviceList, _Mapping]] = ...) -> None: ...

class DirectoryRequest(_message.Message):
    __slots__ = ("key", "record")
    KEY_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    record: bytes
    def __init__(self, key: _Optional[bytes] = ..., record: _Optional[bytes] = ...) -> None: ...

class DirectoryReply(_message.Message):
    __slots__ = ("record", "refusal")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    record: bytes
    refusal: int
    def __init__(self, record: _Optional[bytes] = ..., refusal: _Optional[int] = ...) -> None: ...

class MailboxHello(_message.Message):
    __slots__ = ("challenge", "max_envelope", "max_hours", "max_items", "pass_needed")
    CHALLENGE_FIELD_NUMBER: _ClassVar[int]
    MAX_ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    MAX_HOURS_FIELD_NUMBER: _ClassVar[int]
    MAX_ITEMS_FIELD_NUMBER: _ClassVar[int]
    PASS_NEEDED_FIELD_NUMBER: _ClassVar[int]
    challenge: bytes
    max_envelope: int
    max_hours: int
    max_items: int
    pass_needed: bool
    def __init__(self, challenge: _Optional[bytes] = ..., max_envelope: _Optional[int] = ..., max_hours: _Optional[int] = ..., max_items: _Optional[int] = ..., pass_needed: _Optional[bool] = ...) -> None: ...

class MailboxRequest(_message.Message):
    __slots__ = ("id", "open", "close", "put", "fetch", "watch", "ack", "publish", "take")
    ID_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    PUT_FIELD_NUMBER: _ClassVar[int]
    FETCH_FIELD_NUMBER: _ClassVar[int]
    WATCH_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    PUBLISH_FIELD_NUMBER: _ClassVar[int]
    TAKE_FIELD_NUMBER: _ClassVar[int]
    id: int
    open: MailboxOpen
    close: MailboxClose
    put: MailboxPut
    fetch: MailboxFetch
    watch: MailboxWatch
    ack: MailboxAck
    publish: MailboxPublish
    take: MailboxTake
    def __init__(self, id: _Optional[int] = ..., open: _Optional[_Union[MailboxOpen, _Mapping]] = ..., close: _Optional[_Union[MailboxClose, _Mapping]] = ..., put: _Optional[_Union[MailboxPut, _Mapping]] = ..., fetch: _Optional[_Union[MailboxFetch, _Mapping]] = ..., watch: _Optional[_Union[MailboxWatch, _Mapping]] = ..., ack: _Optional[_Union[MailboxAck, _Mapping]] = ..., publish: _Optional[_Union[MailboxPublish, _Mapping]] = ..., take: _Optional[_Union[MailboxTake, _Mapping]] = ...) -> None: ...

class MailboxOwner(_message.Message):
    __slots__ = ("number", "signature")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    number: bytes
    signature: bytes
    def __init__(self, number: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class MailboxOpen(_message.Message):
    __slots__ = ("boxes",)
    BOXES_FIELD_NUMBER: _ClassVar[int]
    boxes: _containers.RepeatedCompositeFieldContainer[MailboxOwner]
    def __init__(self, boxes: _Optional[_Iterable[_Union[MailboxOwner, _Mapping]]] = ...) -> None: ...

class MailboxClose(_message.Message):
    __slots__ = ("box",)
    BOX_FIELD_NUMBER: _ClassVar[int]
    box: MailboxOwner
    def __init__(self, box: _Optional[_Union[MailboxOwner, _Mapping]] = ...) -> None: ...

class MailboxPut(_message.Message):
    __slots__ = ("numbers", "sealed", "hours")
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    HOURS_FIELD_NUMBER: _ClassVar[int]
    numbers: _containers.RepeatedScalarFieldContainer[bytes]
    sealed: bytes
    hours: int
    def __init__(self, numbers: _Optional[_Iterable[bytes]] = ..., sealed: _Optional[bytes] = ..., hours: _Optional[int] = ...) -> None: ...

class MailboxFetch(_message.Message):
    __slots__ = ("box", "after", "limit")
    BOX_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    box: MailboxOwner
    after: int
    limit: int
    def __init__(self, box: _Optional[_Union[MailboxOwner, _Mapping]] = ..., after: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class MailboxWatch(_message.Message):
    __slots__ = ("boxes",)
    BOXES_FIELD_NUMBER: _ClassVar[int]
    boxes: _containers.RepeatedCompositeFieldContainer[MailboxOwner]
    def __init__(self, boxes: _Optional[_Iterable[_Union[MailboxOwner, _Mapping]]] = ...) -> None: ...

class MailboxAck(_message.Message):
    __slots__ = ("box", "ids")
    BOX_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    box: MailboxOwner
    ids: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, box: _Optional[_Union[MailboxOwner, _Mapping]] = ..., ids: _Optional[_Iterable[bytes]] = ...) -> None: ...

class MailboxPublish(_message.Message):
    __slots__ = ("box", "one_time", "last_resort", "replace")
    BOX_FIELD_NUMBER: _ClassVar[int]
    ONE_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_RESORT_FIELD_NUMBER: _ClassVar[int]
    REPLACE_FIELD_NUMBER: _ClassVar[int]
    box: MailboxOwner
    one_time: _containers.RepeatedScalarFieldContainer[bytes]
    last_resort: bytes
    replace: bool
    def __init__(self, box: _Optional[_Union[MailboxOwner, _Mapping]] = ..., one_time: _Optional[_Iterable[bytes]] = ..., last_resort: _Optional[bytes] = ..., replace: _Optional[bool] = ...) -> None: ...

class MailboxTake(_message.Message):
    __slots__ = ("number",)
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    number: bytes
    def __init__(self, number: _Optional[bytes] = ...) -> None: ...

class MailboxEnvelope(_message.Message):
    __slots__ = ("sealed", "cursor", "expires_at")
    SEALED_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    sealed: bytes
    cursor: int
    expires_at: int
    def __init__(self, sealed: _Optional[bytes] = ..., cursor: _Optional[int] = ..., expires_at: _Optional[int] = ...) -> None: ...

class MailboxAnswer(_message.Message):
    __slots__ = ("id", "refusal", "refusals", "left", "envelopes", "blob", "news")
    ID_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    ENVELOPES_FIELD_NUMBER: _ClassVar[int]
    BLOB_FIELD_NUMBER: _ClassVar[int]
    NEWS_FIELD_NUMBER: _ClassVar[int]
    id: int
    refusal: int
    refusals: _containers.RepeatedScalarFieldContainer[int]
    left: _containers.RepeatedScalarFieldContainer[int]
    envelopes: _containers.RepeatedCompositeFieldContainer[MailboxEnvelope]
    blob: bytes
    news: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, id: _Optional[int] = ..., refusal: _Optional[int] = ..., refusals: _Optional[_Iterable[int]] = ..., left: _Optional[_Iterable[int]] = ..., envelopes: _Optional[_Iterable[_Union[MailboxEnvelope, _Mapping]]] = ..., blob: _Optional[bytes] = ..., news: _Optional[_Iterable[bytes]] = ...) -> None: ...

class PassChallenge(_message.Message):
    __slots__ = ("challenge",)
    CHALLENGE_FIELD_NUMBER: _ClassVar[int]
    challenge: bytes
    def __init__(self, challenge: _Optional[bytes] = ...) -> None: ...

class PassProof(_message.Message):
    __slots__ = ("proof",)
    PROOF_FIELD_NUMBER: _ClassVar[int]
    proof: bytes
    def __init__(self, proof: _Optional[bytes] = ...) -> None: ...

class PassReply(_message.Message):
    __slots__ = ("admitted",)
    ADMITTED_FIELD_NUMBER: _ClassVar[int]
    admitted: bool
    def __init__(self, admitted: _Optional[bool] = ...) -> None: ...
