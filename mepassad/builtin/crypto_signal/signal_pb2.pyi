from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SignedPrekey(_message.Message):
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

class OneTimePrekey(_message.Message):
    __slots__ = ("id", "public")
    ID_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_FIELD_NUMBER: _ClassVar[int]
    id: int
    public: bytes
    def __init__(self, id: _Optional[int] = ..., public: _Optional[bytes] = ...) -> None: ...

class Bundle(_message.Message):
    __slots__ = ("signed_prekey", "pq_prekey", "one_time_prekey")
    SIGNED_PREKEY_FIELD_NUMBER: _ClassVar[int]
    PQ_PREKEY_FIELD_NUMBER: _ClassVar[int]
    ONE_TIME_PREKEY_FIELD_NUMBER: _ClassVar[int]
    signed_prekey: SignedPrekey
    pq_prekey: SignedPrekey
    one_time_prekey: OneTimePrekey
    def __init__(self, signed_prekey: _Optional[_Union[SignedPrekey, _Mapping]] = ..., pq_prekey: _Optional[_Union[SignedPrekey, _Mapping]] = ..., one_time_prekey: _Optional[_Union[OneTimePrekey, _Mapping]] = ...) -> None: ...

class Handshake(_message.Message):
    __slots__ = ("ephemeral", "ciphertext", "signed_prekey", "pq_prekey", "one_time_prekey")
    EPHEMERAL_FIELD_NUMBER: _ClassVar[int]
    CIPHERTEXT_FIELD_NUMBER: _ClassVar[int]
    SIGNED_PREKEY_FIELD_NUMBER: _ClassVar[int]
    PQ_PREKEY_FIELD_NUMBER: _ClassVar[int]
    ONE_TIME_PREKEY_FIELD_NUMBER: _ClassVar[int]
    ephemeral: bytes
    ciphertext: bytes
    signed_prekey: int
    pq_prekey: int
    one_time_prekey: int
    def __init__(self, ephemeral: _Optional[bytes] = ..., ciphertext: _Optional[bytes] = ..., signed_prekey: _Optional[int] = ..., pq_prekey: _Optional[int] = ..., one_time_prekey: _Optional[int] = ...) -> None: ...
