"""A file that is there whole or not at all, and that nobody else reads. Pure."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, cast

from console.backup.errors import BackupRefused

EXISTS = "A file with this name already exists. Nothing was overwritten. Choose another name."
NOT_WRITTEN = "Can't write the backup ({}). The incomplete file was removed."


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write to, which gets its name when the block has ended well (mode 0600).

    Raises BackupRefused where the name is taken, or the disk does not take it all. A process that
    is killed leaves a hidden file that ends in .part.
    """
    try:
        _check_free(path)
        with NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
        ) as draft:
            try:
                yield cast(BinaryIO, draft)
                draft.flush()
                os.fsync(draft.fileno())
                _check_free(path)
                os.rename(draft.name, path)  # not a link: not every backup's disk has them
            except BaseException:
                Path(draft.name).unlink(missing_ok=True)
                raise
        _sync_folder(path.parent)
    except OSError as error:
        raise BackupRefused(NOT_WRITTEN.format(error.strerror or "its name")) from None


def _check_free(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise BackupRefused(EXISTS)


def _sync_folder(folder: Path) -> None:
    """Have the name outlast a power cut too, where the disk can: some network disks can't."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
