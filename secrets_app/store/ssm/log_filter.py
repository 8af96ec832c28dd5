"""Keeps values out of the log: at DEBUG, AWS's libraries print requests and answers whole."""

import logging

TALKATIVE = ("boto3", "botocore", "urllib3")


class _NothingBelowInfo(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the record is logged."""
        return record.levelno >= logging.INFO


_NOTHING_BELOW_INFO = _NothingBelowInfo()


def hush() -> None:
    """Hold AWS's loggers at INFO, whatever level anyone sets on them or on the root, now or later.

    The level holds for loggers that are made later, the filter when a level is set later.
    """
    for name in [*TALKATIVE, *logging.root.manager.loggerDict]:
        if name.partition(".")[0] in TALKATIVE:
            logger = logging.getLogger(name)
            logger.addFilter(_NOTHING_BELOW_INFO)
            if name in TALKATIVE or logger.level:
                logger.setLevel(max(logger.level, logging.INFO))
