"""A sealed stream opens whole, with its key, or not at all. No database."""

import io
import secrets
from collections.abc import Callable

import pytest

from console.backup.errors import BackupRefused
from console.backup.sealed import CHUNK, MAGIC, NAME, SALT, TAG, SealedReader, SealedWriter

KEY, OTHER = "one key of forty letters or so, and more", "another key of forty letters, and more"
FRONT = len(MAGIC) + NAME + SALT
SEALED = CHUNK + TAG
PLAIN = secrets.token_bytes(3 * CHUNK + 100)


def sealed(plain: bytes = PLAIN, key: str = KEY) -> bytes:
    """Return what is in the file."""
    file = io.BytesIO()
    writer = SealedWriter(file, key)
    for at in range(0, len(plain), 10_000):
        writer.write(plain[at : at + 10_000])
    writer.close()
    return file.getvalue()


def opened(data: bytes, *keys: str) -> bytes:
    """Return what was written."""
    return io.BufferedReader(SealedReader(io.BytesIO(data), keys or [KEY])).read()


def chunk(data: bytes, number: int) -> bytes:
    """Return a chunk, from 0; the last one is shorter."""
    return data[FRONT + number * SEALED : FRONT + (number + 1) * SEALED]


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, len(PLAIN)])
def test_it_works(size: int) -> None:
    data = sealed(PLAIN[:size])
    assert opened(data) == PLAIN[:size]
    assert len(data) == FRONT + size + TAG * max(1, -(-size // CHUNK))
    assert size < 16 or PLAIN[:16] not in data[FRONT:]  # one byte may be there by chance


def test_an_older_key_opens_it_too() -> None:
    assert opened(sealed(key=OTHER), KEY, OTHER) == PLAIN


def test_two_files_of_one_key_have_nothing_in_common() -> None:
    one, other = sealed(), sealed()
    assert chunk(one, 0)[:32] != chunk(other, 0)[:32]


@pytest.mark.parametrize("keys", [[OTHER], []])
def test_another_key_is_named(keys: list[str]) -> None:
    with pytest.raises(BackupRefused, match="BACKUP_KEY does not include") as refusal:
        SealedReader(io.BytesIO(sealed()), keys)
    assert KEY not in str(refusal.value)


@pytest.mark.parametrize(
    "data",
    [b"", b"PK", b"x" * 500, MAGIC, sealed()[: FRONT - 1]],
    ids=["nothing", "an archive", "text", "a beginning", "a front cut off"],
)
def test_another_file_is_refused(data: bytes) -> None:
    with pytest.raises(BackupRefused, match="not a Branchkeep backup"):
        opened(data)


LAST = FRONT + 3 * SEALED
BREAKS: dict[str, Callable[[bytes], bytes]] = {
    "nothing but the front": lambda it: it[:FRONT],
    "cut after chunk 1": lambda it: it[: FRONT + SEALED],
    "cut after chunk 2": lambda it: it[: FRONT + 2 * SEALED],
    "cut after chunk 3": lambda it: it[:LAST],
    "cut within a chunk": lambda it: it[: FRONT + SEALED + 500],
    "cut by one byte": lambda it: it[:-1],
    "a byte more": lambda it: it + b"\0",
    "a chunk twice": lambda it: it[: FRONT + SEALED] + it[FRONT:],
    "the last chunk twice": lambda it: it + it[LAST:],
    "chunks swapped": lambda it: (
        it[:FRONT] + chunk(it, 1) + chunk(it, 0) + chunk(it, 2) + it[LAST:]
    ),
    "a chunk left out": lambda it: it[:FRONT] + it[FRONT + SEALED :],
    "a chunk of another file": lambda it: it[:FRONT] + chunk(sealed(), 0) + it[FRONT + SEALED :],
    "a bit of the salt": lambda it: flipped(it, FRONT - 1),
    "a bit of the first chunk": lambda it: flipped(it, FRONT),
    "a bit of a tag": lambda it: flipped(it, FRONT + 2 * SEALED - 1),
    "a bit of the last byte": lambda it: flipped(it, len(it) - 1),
}


def flipped(data: bytes, at: int) -> bytes:
    """Change one bit."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize("name", BREAKS)
def test_what_was_changed_does_not_open(name: str) -> None:
    with pytest.raises(BackupRefused, match="changed, moved or cut off"):
        opened(BREAKS[name](sealed()))


def test_a_whole_last_chunk_does_not_pass_for_one_in_between() -> None:
    data = sealed(PLAIN[: 2 * CHUNK])
    with pytest.raises(BackupRefused):
        opened(data + data[FRONT + SEALED :])
