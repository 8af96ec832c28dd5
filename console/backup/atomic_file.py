"""Files that appear complete or not at all, readable by their owner only. No Django."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, cast

from console.backup.errors import BackupError

EXISTS = "A file with this name already exists. Nothing was overwritten. Choose another name."
NOT_WRITTEN = "Can't write the backup ({}). The incomplete file was removed."


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file (mode 0600) that gets its name when the block ends without an error.

    Raises BackupError if the name is taken or the file can't be written. A process that is killed
    leaves a hidden file that ends in .part.
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
                os.rename(draft.name, path)  # not os.link: some disks lack links
            except BaseException:
                Path(draft.name).unlink(missing_ok=True)
                raise
        _sync_folder(path.parent)
    except OSError as error:
        raise BackupError(NOT_WRITTEN.format(error.strerror or "invalid name")) from None


def _check_free(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise BackupError(EXISTS)


def _sync_folder(folder: Path) -> None:
    """Make the rename survive a power cut. Some network disks don't support this."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
