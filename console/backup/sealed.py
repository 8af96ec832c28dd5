"""A stream of bytes that only a key opens, and that is whole or refused. Pure.

MAGIC, the key's name and a salt stand in front. What follows are chunks, each encrypted by
AES-256-GCM under the file's own key: HKDF-SHA-256 of the key, the salt and all of that front. A
chunk's nonce is its number and whether it is the last one (the STREAM construction of Hoang,
Reyhanitabar, Rogaway and Vizár, 2015). So what was changed, cut off, swapped, taken from another
file or added at the end does not open.
"""

import io
import os
from collections.abc import Sequence
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from console.backup.errors import BackupRefused

MAGIC = b"amplify-console backup 1\n"
NAME, SALT = 8, 32  # bytes
CHUNK = 65_536  # bytes of plain text
TAG = 16
NO_BACKUP = "This is not a Branchkeep backup, or its beginning is missing."
OTHER_KEY = (
    "BACKUP_KEY does not include this backup's key, which is named {}. Add it after the others, "
    "separated by a comma."
)
DAMAGED = "The backup is damaged: part {} was changed, moved or cut off. Use another backup."


class SealedWriter:
    """A file to write to. What is written counts once `close` has sealed the last chunk."""

    def __init__(self, file: BinaryIO, key: str) -> None:
        self._file = file
        front = MAGIC + _name(key) + os.urandom(SALT)
        self._box = _Box(key, front)
        self._waiting = bytearray()
        file.write(front)

    def write(self, data: bytes) -> int:
        """Take some more."""
        self._waiting += data
        while len(self._waiting) > CHUNK:  # the last chunk, whole or not, waits for `close`
            self._file.write(self._box.seal(bytes(self._waiting[:CHUNK]), last=False))
            del self._waiting[:CHUNK]
        return len(data)

    def flush(self) -> None:
        """Keep what waits: a chunk is sealed when it is full."""

    def close(self) -> None:
        """Seal the last chunk. The file stays open, for its owner to flush."""
        self._file.write(self._box.seal(bytes(self._waiting), last=True))


class SealedReader(io.RawIOBase):
    """A file to read from, of which nothing comes that was not written so.

    Raises BackupRefused for a key that is not among `keys`, and at the first chunk that is wrong.
    """

    def __init__(self, file: BinaryIO, keys: Sequence[str]) -> None:
        self._file = file
        front = file.read(len(MAGIC) + NAME + SALT)
        self._box = _Box(_key_of(front, keys), front)
        self._plain = b""
        self._ahead: bytes | None = file.read(CHUNK + TAG)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer, or return 0 after the last chunk."""
        if not self._plain and self._ahead is not None:
            self._plain = self._next(self._ahead)
        view = memoryview(buffer).cast("B")
        number = min(len(view), len(self._plain))
        view[:number] = self._plain[:number]
        self._plain = self._plain[number:]
        return number

    def _next(self, chunk: bytes) -> bytes:
        """Open a chunk. The last one is that after which the file has nothing more."""
        self._ahead = self._file.read(CHUNK + TAG) or None
        return self._box.open(chunk, last=self._ahead is None)


class _Box:
    """The cipher of one file, which counts the chunks."""

    def __init__(self, key: str, front: bytes) -> None:
        derived = HKDF(SHA256(), length=32, salt=front[-SALT:], info=front).derive(key.encode())
        self._cipher = AESGCM(derived)
        self._number = 0

    def seal(self, plain: bytes, *, last: bool) -> bytes:
        return self._cipher.encrypt(self._nonce(last), plain, None)

    def open(self, sealed: bytes, *, last: bool) -> bytes:
        nonce = self._nonce(last)
        try:
            return self._cipher.decrypt(nonce, sealed, None)
        except InvalidTag:
            raise BackupRefused(DAMAGED.format(self._number)) from None

    def _nonce(self, last: bool) -> bytes:
        self._number += 1
        return self._number.to_bytes(11, "big") + bytes([last])


def _key_of(front: bytes, keys: Sequence[str]) -> str:
    """Return the key that the front names."""
    if not front.startswith(MAGIC) or len(front) < len(MAGIC) + NAME + SALT:
        raise BackupRefused(NO_BACKUP)
    name = front[len(MAGIC) : -SALT]
    for key in keys:
        if _name(key) == name:
            return key
    raise BackupRefused(OTHER_KEY.format(name.hex()))


def _name(key: str) -> bytes:
    """Return a name of a key, which tells nothing of it."""
    name = HKDF(SHA256(), length=NAME, salt=None, info=MAGIC + b"name")
    return name.derive(key.encode())
