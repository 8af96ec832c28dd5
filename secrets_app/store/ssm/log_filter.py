"""Keeps values out of the log: at DEBUG, AWS's libraries print requests and answers whole."""

import logging

NOISY_LOGGERS = ("boto3", "botocore", "urllib3")


class _NothingBelowInfo(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the record is logged."""
        return record.levelno >= logging.INFO


_NOTHING_BELOW_INFO = _NothingBelowInfo()


def silence_debug_logs() -> None:
    """Hold AWS's loggers at INFO, whatever level anyone sets on them or on the root, now or later.

    The level holds for loggers that are made later, the filter when a level is set later.
    """
    for name in [*NOISY_LOGGERS, *logging.root.manager.loggerDict]:
        if name.partition(".")[0] in NOISY_LOGGERS:
            logger = logging.getLogger(name)
            logger.addFilter(_NOTHING_BELOW_INFO)
            if name in NOISY_LOGGERS or logger.level:
                logger.setLevel(max(logger.level, logging.INFO))
