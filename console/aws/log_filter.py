"""Keeps secrets out of the log: at DEBUG, AWS's libraries log whole requests and responses."""

import logging

NOISY_LOGGERS = ("boto3", "botocore", "urllib3")


class _InfoAndAbove(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        """Return True for INFO and above."""
        return record.levelno >= logging.INFO


_INFO_AND_ABOVE = _InfoAndAbove()


def silence_debug_logs() -> None:
    """Keep AWS's loggers at INFO or above, whatever level is set on them or the root, even later.

    Loggers created later inherit the level; the filter still works if someone changes the level.
    """
    for name in [*NOISY_LOGGERS, *logging.root.manager.loggerDict]:
        if name.partition(".")[0] in NOISY_LOGGERS:
            logger = logging.getLogger(name)
            logger.addFilter(_INFO_AND_ABOVE)
            if name in NOISY_LOGGERS or logger.level:
                logger.setLevel(max(logger.level, logging.INFO))
