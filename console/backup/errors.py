"""The error of backups and restores. No Django."""


class BackupError(Exception):
    """A backup or restore was refused. Nothing was changed; `message` says what to do."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)
