"""Why the database can't answer or save, in words, from the codes of SQLite and PostgreSQL."""

import sqlite3
from enum import Enum

from django.db import DatabaseError, InterfaceError, OperationalError


class Fault(Enum):
    """What is wrong with the database: a heading, and a sentence that says what to do."""

    FULL = (
        "The disk is full",
        "Branchkeep can't save anything, because the disk of its database is full. Ask an "
        "operator to free some space. If you were saving, check then whether it was saved.",
    )
    READ_ONLY = (
        "The database is read-only",
        "Branchkeep can't save anything, because its database is read-only. Ask an operator to "
        "check its disk and permissions. If you were saving, check then whether it was saved.",
    )
    LOCKED = (
        "The database is locked",
        "Something kept Branchkeep's database locked for several seconds. If you were saving, "
        "check first whether it was saved, then try again in a minute. If the problem persists, "
        "ask an operator for help.",
    )
    DISK = (
        "The disk has errors",
        "The disk of Branchkeep's database reports errors. Ask an operator for help. If you were "
        "saving, check then whether it was saved.",
    )
    SILENT = (
        "The database did not answer",
        "Branchkeep's database did not answer. If you were saving, check first whether it was "
        "saved, then try again in a minute. If the problem persists, ask an operator for help.",
    )

    @property
    def heading(self) -> str:
        return self.value[0]

    @property
    def sentence(self) -> str:
        return self.value[1]


_SQLITE = {
    sqlite3.SQLITE_FULL: Fault.FULL,
    sqlite3.SQLITE_READONLY: Fault.READ_ONLY,
    sqlite3.SQLITE_BUSY: Fault.LOCKED,
    sqlite3.SQLITE_LOCKED: Fault.LOCKED,
    sqlite3.SQLITE_IOERR: Fault.DISK,
}
_POSTGRESQL = {  # https://www.postgresql.org/docs/current/errcodes-appendix.html
    "53100": Fault.FULL,
    "25006": Fault.READ_ONLY,
    "55P03": Fault.LOCKED,
    "58030": Fault.DISK,
}


def fault_of(error: BaseException | None) -> Fault | None:
    """Return what is wrong with the database, or None if the error says nothing about that.

    SQLite reports a missing table with the same exception class as a full disk, so its code
    decides.
    """
    if not isinstance(error, DatabaseError | InterfaceError):
        return None
    code = getattr(error.__cause__, "sqlite_errorcode", None)
    if code is not None:
        code &= 0xFF  # without the part that says where it happened
        known = _SQLITE.get(code)
    else:
        known = _POSTGRESQL.get(getattr(error.__cause__, "sqlstate", None) or "")
    is_silent = (
        isinstance(error, OperationalError | InterfaceError) and code != sqlite3.SQLITE_ERROR
    )
    return known or (Fault.SILENT if is_silent else None)
