"""Length-delimited frames on a byte stream: an unsigned LEB128 length, then that many bytes (as libp2p does)."""

from __future__ import annotations

from mepassad.errors import FrameTooLarge, MalformedFrame

_MAX_PREFIX = 5  # bytes of a length below 2**35: longer prefixes are junk


def pack(frame: bytes) -> bytes:
    """A frame with its length in front."""
    length, prefix = len(frame), bytearray()
    while length > 0x7F:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    prefix.append(length)
    return bytes(prefix) + frame


class Splitter:
    """Cuts what arrives into frames; keeps the unfinished rest, never more than one frame's limit plus a read."""

    def __init__(self, limit: int) -> None:
        """`limit`: the largest frame accepted, in bytes."""
        self._limit = limit
        self._rest = bytearray()

    @property
    def unfinished(self) -> int:
        """Bytes kept of a frame that is not whole yet."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that `data` completes. Raises `FrameTooLarge` or `MalformedFrame`; the stream is then lost."""
        self._rest += data
        frames: list[bytes] = []
        start = 0
        while (head := self._length(start)) is not None:
            length, body = head
            if len(self._rest) < body + length:
                break
            frames.append(bytes(self._rest[body : body + length]))
            start = body + length
        if start:
            del self._rest[:start]
        return frames

    def _length(self, start: int) -> tuple[int, int] | None:
        """(length, offset of the body) of the frame at `start`, or None while its prefix is unfinished."""
        length = 0
        for i, byte in enumerate(self._rest[start : start + _MAX_PREFIX]):
            length |= (byte & 0x7F) << 7 * i
            if byte < 0x80:
                if length > self._limit:
                    raise FrameTooLarge(limit=self._limit)
                return length, start + i + 1
        if len(self._rest) - start >= _MAX_PREFIX:
            raise MalformedFrame
        return None
