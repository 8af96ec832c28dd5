"""gunicorn's logger, with the console's format."""

from gunicorn.config import Config
from gunicorn.glogging import Logger

from console.conf.logging import structured_formatter


class StructuredLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Writes gunicorn's lines in our format, redacted."""

    def setup(self, cfg: Config) -> None:
        """Set up the loggers, and replace the format of their handlers."""
        super().setup(cfg)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(structured_formatter())
