"""Why a backup is not made, not opened or not restored. Pure."""


class BackupRefused(Exception):
    """Nothing was changed; `sentence` says why, and what to do."""

    exit_code = 1  # of a command that ends with it

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        super().__init__(sentence)
