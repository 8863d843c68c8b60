"""How a refusal looks in REST: RFC 9457, with one entry per fault."""

from collections.abc import Sequence

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from resolvers.domain.errors import REFUSALS, Code, Fault, Refusal
from resolvers.domain.ids import new_id
from resolvers.reading import takes

PROBLEM = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of every refusal."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: Sequence[Fault]
    error_id: str | None = None
    # Declared with a default that it never has, so that it is always written.
    success: bool | None = None


STATUS_CODES = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED}


def render(refusal: Refusal, request: Request, error_id: str | None = None) -> Response:
    """Returns the answer to a refused request."""
    rule = REFUSALS[refusal.code]
    problem = Problem(
        type=f"urn:roster:problem:{refusal.code.value.lower().replace('_', '-')}",
        title=rule.sentence,
        status=rule.status,
        detail=" ".join(
            f"{fault.field}: {fault.message}" if fault.field else fault.message for fault in refusal.faults
        ),
        instance=request.scope["raw_path"].decode("latin-1"),
        errors=refusal.faults,
        error_id=error_id,
        success=False,
    )
    media = PROBLEM if takes(request.headers.get("accept", ""), PROBLEM) else "application/json"
    return Response(msgspec.json.encode(problem), rule.status, refusal.headers, media_type=media)


async def refused(request: Request, error: Exception) -> Response:
    """Answers a refusal."""
    assert isinstance(error, Refusal)
    return render(error, request)


async def unrouted(request: Request, error: Exception) -> Response:
    """Answers what the router refuses: no such path, or not this method."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    refusal = Refusal(STATUS_CODES.get(error.status_code, Code.MALFORMED_REQUEST), headers=headers)
    return render(refusal, request)


async def broken(request: Request, _error: Exception) -> Response:
    """Answers a bug of ours with an id, under which the log has the trace."""
    request.state.error_id = str(new_id())
    return render(Refusal(Code.INTERNAL), request, request.state.error_id)
