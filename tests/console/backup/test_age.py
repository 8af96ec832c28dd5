"""Backups are age files: they open complete and with their key, or not at all. No database."""

import errno
import io
import secrets
import tracemalloc
from collections.abc import Callable, Iterator

import pyrage
import pytest

from console.backup.age import decrypted, encrypt
from console.backup.errors import BackupError
from tests.console.backup.conftest import KEY, OTHER_KEY

CHUNK, TAG = 65_536, 16  # bytes, of the age format
PLAIN = secrets.token_bytes(3 * CHUNK + 100)


def encrypted(plain: bytes = PLAIN, key: str = KEY) -> bytes:
    """Return an age file."""
    file = io.BytesIO()
    encrypt((plain[at : at + 10_000] for at in range(0, len(plain), 10_000)), file, key)
    return file.getvalue()


def decrypt(data: bytes, *keys: str) -> bytes:
    """Return what an age file holds."""
    with decrypted(io.BytesIO(data), keys or [KEY]) as stream:
        return stream.read()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, len(PLAIN)])
def test_it_works(size: int) -> None:
    data = encrypted(PLAIN[:size])
    assert decrypt(data) == PLAIN[:size]
    assert size < 16 or PLAIN[:16] not in data


def test_age_library_opens_it() -> None:
    identity = pyrage.x25519.Identity.from_str(KEY)
    assert pyrage.decrypt(encrypted(), [identity]) == PLAIN


def test_older_key() -> None:
    assert decrypt(encrypted(key=OTHER_KEY), KEY, OTHER_KEY) == PLAIN


def test_two_files_with_one_key_differ() -> None:
    assert encrypted()[-32:] != encrypted()[-32:]


def test_file_does_not_contain_the_public_key() -> None:
    public = str(pyrage.x25519.Identity.from_str(KEY).to_public())
    assert public.encode() not in encrypted()


@pytest.mark.parametrize("keys", [[OTHER_KEY], [OTHER_KEY, OTHER_KEY]])
def test_wrong_key(keys: list[str]) -> None:
    with pytest.raises(BackupError, match="None of the keys in BACKUP_KEY opens") as refusal:
        decrypt(encrypted(), *keys)
    assert KEY not in str(refusal.value)


@pytest.mark.parametrize(
    "data",
    [b"", b"PK", b"x" * 500, encrypted()[:10], encrypted()[1:]],
    ids=["empty", "archive", "text", "cut off", "without a beginning"],
)
def test_not_an_age_file(data: bytes) -> None:
    with pytest.raises(BackupError, match="not a Branchkeep backup"):
        decrypt(data)


def parts(data: bytes) -> tuple[bytes, list[bytes]]:
    """Return an age file's header with its nonce, and its chunks. Headers vary in length."""
    front = len(data) - len(PLAIN) - 4 * TAG
    return data[:front], [
        data[at : at + CHUNK + TAG] for at in range(front, len(data), CHUNK + TAG)
    ]


def flipped(data: bytes, at: int) -> bytes:
    """Flip one bit."""
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


CHANGES: dict[str, Callable[[bytes, list[bytes]], list[bytes]]] = {
    "only the header": lambda front, chunks: [front],
    "cut after chunk 1": lambda front, chunks: [front, chunks[0]],
    "cut after chunk 3": lambda front, chunks: [front, *chunks[:3]],
    "cut within a chunk": lambda front, chunks: [front, chunks[0], chunks[1][:500]],
    "cut by one byte": lambda front, chunks: [front, *chunks[:3], chunks[3][:-1]],
    "one byte added": lambda front, chunks: [front, *chunks, b"\0"],
    "a chunk repeated": lambda front, chunks: [front, chunks[0], *chunks],
    "the last chunk repeated": lambda front, chunks: [front, *chunks, chunks[3]],
    "chunks swapped": lambda front, chunks: [front, chunks[1], chunks[0], *chunks[2:]],
    "a chunk removed": lambda front, chunks: [front, *chunks[1:]],
    "a chunk of another file": lambda front, chunks: [
        front,
        parts(encrypted())[1][0],
        *chunks[1:],
    ],
    "a bit of the nonce": lambda front, chunks: [flipped(front, -1), *chunks],
    "a bit of the first chunk": lambda front, chunks: [front, flipped(chunks[0], 0), *chunks[1:]],
    "a bit of the last chunk": lambda front, chunks: [front, *chunks[:3], flipped(chunks[3], -1)],
}


@pytest.mark.parametrize("name", CHANGES)
def test_modified_file(name: str) -> None:
    front, chunks = parts(encrypted())
    assert len(chunks) == 4
    with pytest.raises(BackupError, match="changed or cut off"):
        decrypt(b"".join(CHANGES[name](front, chunks)))


def test_modified_header() -> None:
    data = encrypted()
    with pytest.raises(BackupError, match="BACKUP_KEY opens"):
        decrypt(flipped(data, data.index(b"--- ") + 4))


def test_error_of_the_source() -> None:
    def failing() -> Iterator[bytes]:
        yield b"some"
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        encrypt(failing(), io.BytesIO(), KEY)


@pytest.mark.parametrize("room", [0, 200, 100_000, 196_000])
def test_full_disk(room: int) -> None:
    assert room < len(encrypted())
    with pytest.raises(OSError, match="full"):
        encrypt([PLAIN], Disk(room), KEY)


class Disk(io.BytesIO):
    """A file on a disk with limited space."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Write, or raise ENOSPC."""
        if self.tell() + len(data) > self.room:
            raise OSError(errno.ENOSPC, "full")
        return super().write(data)


class Unreadable(io.BytesIO):
    """A file on a disk that fails after the header."""

    def read(self, size: int | None = -1) -> bytes:
        """Read, or raise EIO."""
        if self.tell() > 1_000:
            raise OSError(errno.EIO, "broken")
        return super().read(size)


def test_unreadable_disk() -> None:
    with pytest.raises(OSError, match="broken"), decrypted(Unreadable(encrypted()), [KEY]) as it:
        it.read()


def test_reading_stops_early() -> None:
    with decrypted(io.BytesIO(encrypted(bytes(5_000_000))), [KEY]) as stream:
        assert stream.read(3) == bytes(3)


def test_constant_memory() -> None:
    with open("/dev/null", "wb") as nowhere:
        tracemalloc.start()
        encrypt((bytes(10_000) for _ in range(2_000)), nowhere, KEY)
        _now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 1_000_000
