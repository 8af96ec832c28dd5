"""Configure structured logs: one line per event, JSON outside a terminal, values redacted."""

import logging.config
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import structlog
from django.conf import settings
from structlog.typing import EventDict, Processor, WrappedLogger

from console.lib.text.unprintable import escape_unprintable

REDACTED = "[redacted]"
PROBE_PATHS = {"/healthz", "/readyz", "/metrics"}
_SENSITIVE = (
    "value",
    "password",
    "passwd",
    "secret_key",
    "encryption_key",
    "token",
    "cookie",
    "authorization",
)
# Anyone who holds one of these links can use it, so its token must not reach a log.
_LINK_TOKEN = re.compile(r"((?:/|%2F)(?:setup|invitations|link)(?:/|%2F))[^/\s]+", re.IGNORECASE)
# Someone may search for a value, so no query string reaches a log. The lookbehind leaves question
# marks in regular expressions alone.
_QUERY = re.compile(r"(?<=[^\s(\[|])\?\S+")
# gunicorn quotes the part of a request line or header that it can't read, after the second colon.
_UNREADABLE = re.compile(r"(Invalid request from ip=\S*: [^:]*):.*", re.DOTALL)
# At DEBUG these loggers print what they send and receive: values, signatures, ciphertext.
_NEVER_BELOW_INFO = ("boto3", "botocore", "urllib3", "s3transfer", "django.db.backends")


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Redact values with sensitive names, whatever they are, and what a link or request carries."""
    return {
        name: REDACTED if _is_sensitive(name) else _hide_link_parts(value)
        for name, value in event.items()
    }


@lru_cache(maxsize=1000)  # safe to cache: the names are fixed in the code
def _is_sensitive(name: str) -> bool:
    return any(word in name.lower() for word in _SENSITIVE)


def _hide_link_parts(value: Any) -> Any:
    """Return a text without query strings, tokens in links and unreadable parts of requests."""
    if not isinstance(value, str):
        return value
    if unreadable := _UNREADABLE.match(value):
        value = f"{unreadable[1]}: {REDACTED}"
    if "?" in value:  # otherwise the lookbehind is tried at each character
        value = _QUERY.sub(f"?{REDACTED}", value)
    return _LINK_TOKEN.sub(rf"\1{REDACTED}", value)


def escape_lines(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape line breaks, ANSI escapes and bidirectional controls, so that an entry stays one line.

    Without this, a name chosen by a user could forge log entries.
    """
    return {
        name: escape_unprintable(value, keep="\n" if name == "exception" else "")
        for name, value in event.items()
    }


SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,  # the traceback's lines, never the frames' variables
    redact,
    escape_lines,
]


def drop_probes(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Drop successful requests of load balancers and Prometheus, which come every few seconds."""
    path = str(event.get("request", "")).partition(" ")[2]
    path = path.removeprefix(settings.FORCE_SCRIPT_NAME or "")
    if event["event"] == "request_finished" and path in PROBE_PATHS and event["code"] < 400:
        raise structlog.DropEvent
    return event


PROCESSORS: list[Processor] = [  # one list object: loggers keep the one they were first used with
    structlog.stdlib.filter_by_level,
    drop_probes,
    *SHARED,
    structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
]


def logging_config(level: str) -> dict[str, Any]:
    """Return the LOGGING setting: every logger writes through one redacting formatter."""
    terminal = sys.stderr.isatty()
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if terminal
        else structlog.processors.JSONRenderer()
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    renderer,
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # No mail to admins: the report contains the request's fields and every frame's
            # variables.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "level": "INFO", "propagate": True},
            **{name: {"level": "INFO"} for name in _NEVER_BELOW_INFO},
        },
    }


def structured_formatter() -> logging.Formatter:
    """Return the formatter of `logging_config`, for loggers that Django doesn't configure."""
    options = logging_config("INFO")["formatters"]["structured"]
    formatter: logging.Formatter = options.pop("()")(**options)
    return formatter


def configure(config: Mapping[str, Any]) -> None:
    """Set up logging. Django calls this with settings.LOGGING."""
    logging.config.dictConfig(dict(config))
    structlog.configure(
        processors=PROCESSORS,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
