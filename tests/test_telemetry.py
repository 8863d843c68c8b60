"""A line of the log in JSON: everything that was said, traces without local variables, and never no line."""

import json
import logging
import sys
from datetime import datetime, timedelta

import pytest

from gql_app.telemetry import Json

SECRET = "hunter2"


def line(message: str, **more: object) -> dict:
    record = logging.getLogger("roster.request").makeRecord(
        "roster.request", logging.INFO, __file__, 1, message, (), more.pop("exc_info", None), extra=more
    )
    return json.loads(Json().format(record))


def test_a_line_holds_what_was_said_and_when():
    told = line("request", status=200, ms=1.5, user=None)
    when = datetime.fromisoformat(told.pop("timestamp"))
    assert told == {"event": "request", "level": "info", "status": 200, "ms": 1.5, "user": None}
    assert when.utcoffset() == timedelta(0)


def test_a_trace_shows_no_local_variables():
    def broken(password: str) -> None:
        raise RuntimeError(f"{len(password)} letters")

    try:
        broken(SECRET)
    except RuntimeError:
        told = line("a request failed", exc_info=sys.exc_info(), error_id="7")
    assert told["exception"][0]["exc_type"] == "RuntimeError"
    assert told["exception"][0]["exc_value"] == "7 letters"
    assert told["error_id"] == "7"
    assert "exc_info" not in told
    assert SECRET not in json.dumps(told)


@pytest.mark.parametrize("value", ["\ud800", "a\nb\x00", object(), {1: {2}}], ids=["half", "controls", "thing", "keys"])
def test_nothing_that_is_said_loses_the_line(value: object):
    assert line("odd", value=value)["event"] == "odd"
