"""How a refusal looks in REST: RFC 9457, with one entry per fault."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from resolvers.domain.errors import REFUSALS, Code, Fault, Refusal
from resolvers.domain.fields import says
from resolvers.domain.ids import new_log_id
from resolvers.reading import takes

PROBLEM = "application/problem+json"


class Problem(msgspec.Struct, frozen=True):
    """The body of every refusal, as RFC 9457 has it."""

    type: Annotated[str, says("What kind of refusal it is, as a URN.")]
    title: Annotated[str, says("The kind in a sentence.")]
    status: Annotated[int, says("The HTTP status.")]
    detail: Annotated[str, says("What was wrong with this request.")]
    instance: Annotated[str, says("The path that was asked for.")]
    errors: Annotated[list[Fault], Meta(min_length=1, description="What was wrong, one entry for each field.")]
    error_id: Annotated[str | UnsetType, says("The id under which the log has a bug of ours.")] = UNSET
    success: Annotated[bool, Meta(description="Always false.", extra_json_schema={"const": False})] = False


STATUS_CODES = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED}


def problem(refusal: Refusal, path: str, error_id: str | UnsetType = UNSET) -> Problem:
    """Returns what a refusal says to a request of a path."""
    rule = REFUSALS[refusal.code]
    return Problem(
        type=f"urn:roster:problem:{refusal.code.value.lower().replace('_', '-')}",
        title=rule.sentence,
        status=rule.status,
        detail=" ".join(
            f"{fault.field}: {fault.message}" if fault.field else fault.message for fault in refusal.faults
        ),
        instance=path,
        errors=list(refusal.faults),
        error_id=error_id,
    )


def render(refusal: Refusal, request: Request, error_id: str | UnsetType = UNSET) -> Response:
    """Returns the answer to a refused request."""
    told = problem(refusal, request.scope["raw_path"].decode("latin-1"), error_id)
    media = PROBLEM if takes(request.headers.get("accept", ""), PROBLEM) else "application/json"
    return Response(msgspec.json.encode(told), told.status, refusal.headers, media_type=media)


async def refused(request: Request, error: Exception) -> Response:
    """Answers a refusal."""
    assert isinstance(error, Refusal)
    return render(error, request)


async def unrouted(request: Request, error: Exception) -> Response:
    """Answers what the router refuses: no such path, or not this method."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if "Allow" in headers:
        headers["Allow"] += ", OPTIONS"
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
    refusal = Refusal(STATUS_CODES.get(error.status_code, Code.MALFORMED_REQUEST), headers=headers)
    return render(refusal, request)


async def broken(request: Request, _error: Exception) -> Response:
    """Answers a bug of ours with an id, under which the log has the trace."""
    request.state.error_id = new_log_id()
    return render(Refusal(Code.INTERNAL), request, request.state.error_id)
