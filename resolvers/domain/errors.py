"""Every way in which Roster says no, declared once; both doors render this table."""

from collections.abc import Sequence
from enum import Enum
from typing import Annotated, NamedTuple, Self

import msgspec
from msgspec import Meta


class Code(Enum):
    """Why a request was refused."""

    MALFORMED_REQUEST = "MALFORMED_REQUEST"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    CONFLICT = "CONFLICT"
    VERSION_MISMATCH = "VERSION_MISMATCH"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    VALIDATION_FAILED = "VALIDATION_FAILED"
    INVALID_TRANSITION = "INVALID_TRANSITION"
    AGENT_TYPE_INACTIVE = "AGENT_TYPE_INACTIVE"
    PROJECT_ARCHIVED = "PROJECT_ARCHIVED"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    RATE_LIMITED = "RATE_LIMITED"
    INTERNAL = "INTERNAL"
    UNAVAILABLE = "UNAVAILABLE"

    @property
    def says(self) -> str:
        return REFUSALS[self].sentence


class Rule(NamedTuple):
    """How a code is answered: its HTTP status and its sentence."""

    status: int
    sentence: str


REFUSALS: dict[Code, Rule] = {
    Code.MALFORMED_REQUEST: Rule(400, "The request could not be read."),
    Code.UNAUTHENTICATED: Rule(401, "Sign in first, or again."),
    Code.FORBIDDEN: Rule(403, "You may not do this."),
    Code.NOT_FOUND: Rule(404, "There is no such thing, or it is not yours to see."),
    Code.METHOD_NOT_ALLOWED: Rule(405, "This address does not take that method."),
    Code.NOT_ACCEPTABLE: Rule(406, "No media type that you accept can be answered."),
    Code.UNSUPPORTED_MEDIA_TYPE: Rule(415, "The body must be sent as application/json."),
    Code.CONFLICT: Rule(409, "Something else was there first."),
    Code.VERSION_MISMATCH: Rule(412, "The thing has changed since you read it."),
    Code.PAYLOAD_TOO_LARGE: Rule(413, "The request is too large."),
    Code.VALIDATION_FAILED: Rule(422, "Some of the values can't be accepted."),
    Code.INVALID_TRANSITION: Rule(422, "The agent can't take this step now."),
    Code.AGENT_TYPE_INACTIVE: Rule(422, "No agent can be spawned of an inactive type."),
    Code.PROJECT_ARCHIVED: Rule(422, "The project is archived; make it active again first."),
    Code.IDEMPOTENCY_KEY_REUSED: Rule(422, "The idempotency key was used for another request."),
    Code.RATE_LIMITED: Rule(429, "Too many requests; wait before the next."),
    Code.INTERNAL: Rule(500, "Something broke on our side; quote the error id when you report it."),
    Code.UNAVAILABLE: Rule(503, "The database can't be reached; try again soon."),
}

# What the caller of a mutation can expect to happen, and so reads as data and not as an error.
EXPECTED = frozenset(code for code, rule in REFUSALS.items() if rule.status in {403, 404, 409, 412, 422})


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong with a request, and the field that it is about."""

    code: Annotated[Code, Meta(description="Why.")]
    message: Annotated[str, Meta(description="What is wrong and what to do, in a sentence.")]
    field: Annotated[str | None, Meta(description="The field that it is about; null for the request as a whole.")] = (
        None
    )


class Refusal(Exception):
    """Roster says no: a code, at least one fault, headers that HTTP wants with it, and the limit that was exceeded."""

    def __init__(
        self,
        code: Code,
        message: str | None = None,
        *,
        field: str | None = None,
        faults: Sequence[Fault] = (),
        headers: dict[str, str] | None = None,
        limit: str | None = None,
    ) -> None:
        self.code = code
        self.limit = limit
        self.faults = tuple(faults) or (Fault(code, message or code.says, field),)
        self.headers = headers or {}
        super().__init__(f"{code.value}: {self.faults[0].message}")

    @classmethod
    def of(cls, faults: Sequence[Fault], limit: str | None = None) -> Self:
        """Makes the refusal of several faults: their common code, or else VALIDATION_FAILED."""
        codes = {fault.code for fault in faults}
        return cls(codes.pop() if len(codes) == 1 else Code.VALIDATION_FAILED, faults=faults, limit=limit)

    @property
    def status(self) -> int:
        return REFUSALS[self.code].status
