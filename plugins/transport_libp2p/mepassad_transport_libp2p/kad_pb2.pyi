from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class KadRequest(_message.Message):
    __slots__ = ("target", "key", "record", "addresses")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    target: bytes
    key: bytes
    record: bytes
    addresses: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, target: _Optional[bytes] = ..., key: _Optional[bytes] = ..., record: _Optional[bytes] = ..., addresses: _Optional[_Iterable[str]] = ...) -> None: ...

class KadNode(_message.Message):
    __slots__ = ("id", "addresses")
    ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    addresses: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[bytes] = ..., addresses: _Optional[_Iterable[str]] = ...) -> None: ...

class KadReply(_message.Message):
    __slots__ = ("nodes", "record", "kept")
    NODES_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    nodes: _containers.RepeatedCompositeFieldContainer[KadNode]
    record: bytes
    kept: bool
    def __init__(self, nodes: _Optional[_Iterable[_Union[KadNode, _Mapping]]] = ..., record: _Optional[bytes] = ..., kept: _Optional[bool] = ...) -> None: ...
