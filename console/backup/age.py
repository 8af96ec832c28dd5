"""Encryption of backups in the age format (age-encryption.org/v1), in constant memory. No Django.

pyrage reports what a Python stream raises as an error of its own, or not at all when it flushes its
last buffer. The streams here keep the original exception, so that it can be raised afterward.
"""

import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Thread
from typing import Any, BinaryIO, TypeVar, cast

import pyrage

from console.backup.errors import BackupError

_T = TypeVar("_T")
HEADER = b"age-encryption.org/v1\n"
NOT_A_BACKUP = "This is not a Branchkeep backup, or its beginning is missing."
NO_MATCHING_KEY = (
    "None of the keys in BACKUP_KEY opens this backup. Add the key it was made with, after the "
    "others and a comma. If the key is there, the file is damaged: use another backup."
)
DAMAGED = "The backup was changed or cut off after it was made. Use another backup."


def is_age_key(text: str) -> bool:
    """Return True if `text` is an age secret key (AGE-SECRET-KEY-1…)."""
    try:
        pyrage.x25519.Identity.from_str(text)
    except pyrage.IdentityError:
        return False
    return True


def encrypt(chunks: Iterable[bytes], file: BinaryIO, key: str) -> None:
    """Encrypt `chunks` into `file`. After an error, the file is incomplete and doesn't open."""
    reader, writer = _ChunkReader(chunks), _Guarded(file)
    try:
        pyrage.encrypt_io(reader, writer, [pyrage.x25519.Identity.from_str(key).to_public()])
    except pyrage.EncryptError:
        if reader.error:
            raise reader.error from None
        if not writer.error:
            raise
    if writer.error:
        raise writer.error


@contextmanager
def decrypted(file: BinaryIO, keys: Sequence[str]) -> Iterator[BinaryIO]:
    """Yield a stream of what `file`, which must be seekable, holds.

    Raises BackupError if no key fits, and on reading if the file was changed or cut off. Nothing is
    returned that isn't authenticated, but only the end of the stream shows that nothing is missing.
    """
    start = file.tell()
    if file.read(len(HEADER)) != HEADER:
        raise BackupError(NOT_A_BACKUP)
    file.seek(start)
    stream = _DecryptingReader(file, [pyrage.x25519.Identity.from_str(key) for key in keys])
    try:
        yield cast(BinaryIO, io.BufferedReader(stream))
    finally:
        stream.stop()


class _ChunkReader(io.RawIOBase):
    """A readable stream over an iterable of chunks."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.error: BaseException | None = None
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            while not self._rest:
                self._rest = next(self._chunks)
        except StopIteration:
            return b""
        except BaseException as error:
            self.error = error
            raise
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


class _Guarded:
    """A file that remembers the first error of a read or write."""

    def __init__(self, file: BinaryIO) -> None:
        self.error: BaseException | None = None
        self._file = file

    def read(self, size: int = -1) -> bytes:
        return self._call(self._file.read, size)

    def write(self, data: bytes) -> int:
        return self._call(self._file.write, data)

    def flush(self) -> None:
        """Do nothing: the owner of the file flushes it."""

    def _call(self, method: Callable[..., _T], argument: object) -> _T:
        try:
            return method(argument)
        except BaseException as error:
            self.error = self.error or error
            raise


class _DecryptingReader(io.RawIOBase):
    """A readable stream that a thread fills through a pipe, because pyrage only writes."""

    def __init__(self, file: BinaryIO, identities: Sequence[pyrage.x25519.Identity]) -> None:
        self._file = _Guarded(file)
        self._identities = identities
        self._error: BaseException | None = None
        reading, writing = os.pipe()
        self._plain = open(reading, "rb", buffering=0)  # noqa: SIM115 - closed by stop()
        self._thread = Thread(target=self._decrypt, args=[writing], daemon=True)
        self._thread.start()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if count := self._plain.readinto(buffer):
            return count
        self._thread.join()
        if self._error:
            raise self._error
        return 0

    def stop(self) -> None:
        """End the thread, even if not everything was read."""
        self._plain.close()
        self._thread.join()

    def _decrypt(self, writing: int) -> None:
        with open(writing, "wb", buffering=0) as plain:
            try:
                pyrage.decrypt_io(self._file, plain, self._identities)
            except pyrage.DecryptError:
                self._error = self._file.error or BackupError(NO_MATCHING_KEY)
            except OSError:  # how pyrage reports a chunk that fails authentication
                self._error = self._file.error or BackupError(DAMAGED)
            except BaseException as error:
                self._error = error
