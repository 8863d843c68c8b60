"""Reading requests the same way in both doors: their size, their JSON, what they accept, whom they speak for."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from resolvers.domain.errors import Code, Refusal
from resolvers.domain.limits import BATCH, BODY

MAX_BODY = BODY.value * 1024
JSON = "application/json"
WEIGHT = re.compile(r"q=([01](?:\.\d*)?)")


def header(scope: Mapping[str, Any], name: bytes) -> str:
    """Returns what a request says by a header, of several lines the first, or nothing; its name is in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return ""


async def read_all(receive: Callable[[], Awaitable[Mapping[str, Any]]]) -> bytes:
    """Reads a body to its end; raises PAYLOAD_TOO_LARGE as soon as it is, MALFORMED_REQUEST if the sender leaves."""
    body, more = bytearray(), True
    while more:
        part = await receive()
        if part["type"] == "http.disconnect":
            raise Refusal(Code.MALFORMED_REQUEST, "The body ended before it was whole.")
        body += part.get("body", b"")
        if len(body) > MAX_BODY:
            raise BODY.refusal()
        more = part.get("more_body", False)
    return bytes(body)


def read_json(body: bytes) -> dict[str, object]:
    """Reads a JSON object; raises MALFORMED_REQUEST for anything else."""
    try:
        value = msgspec.json.decode(body)
    except UnicodeDecodeError:
        raise Refusal(Code.MALFORMED_REQUEST, "The body is not UTF-8.") from None
    except RecursionError:
        raise Refusal(Code.MALFORMED_REQUEST, "The body is nested too deep.") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise Refusal(Code.MALFORMED_REQUEST, f"The body is not JSON: {error}.") from None
    if isinstance(value, list):
        raise BATCH.refusal(len(value))
    if not isinstance(value, dict):
        raise Refusal(Code.MALFORMED_REQUEST, "The body must be a JSON object.")
    return value


def check_content(content_type: str) -> None:
    """Raises UNSUPPORTED_MEDIA_TYPE for a body that is not sent as JSON."""
    if media_type(content_type) != JSON:
        raise Refusal(Code.UNSUPPORTED_MEDIA_TYPE)


def check_accept(accept: str, answers: frozenset[str]) -> None:
    """Raises NOT_ACCEPTABLE when nothing that can be answered is what the client takes."""
    if accept.strip() and not takes(accept, *answers):
        raise Refusal(Code.NOT_ACCEPTABLE, f"Answers are {JSON}.")


def takes(accept: str, *answers: str) -> bool:
    """Tells whether an Accept header names one of these media types, and not to refuse it."""
    return any(media_type(part) in answers and weight(part) for part in accept.split(","))


def preferred(accept: str, answers: Sequence[str]) -> str:
    """Returns what an Accept header likes best, and the first of the answers where it does not care."""
    if accept in {"", "*/*"}:
        return answers[0]
    parts = accept.split(",")
    unwanted = {media_type(part) for part in parts if not weight(part)}
    for part in sorted(filter(weight, parts), key=weight, reverse=True):
        for answer in answers:
            ranges = {answer, f"{answer.partition('/')[0]}/*", "*/*"}
            if media_type(part) in ranges and answer not in unwanted:
                return answer
    return answers[0]


def media_type(value: str) -> str:
    """Returns a media type without its parameters."""
    return value.partition(";")[0].strip().lower()


def weight(part: str) -> float:
    """Returns how much a part of an Accept header is liked, from 0 to 1."""
    words = (WEIGHT.fullmatch(word.replace(" ", "")) for word in part.lower().split(";")[1:])
    return next((float(word[1]) for word in words if word), 1.0)
