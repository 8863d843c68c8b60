"""Headers, in requests and in answers, as the reference describes them."""

from typing import Any

from resolvers.domain.rates import Policy, Reading
from resolvers.idempotency import KEY, REPLAYED
from rest_shim import examples
from rest_shim.conditions import TAGS, tag
from rest_shim.http import KEPT, encode
from rest_shim.routes import PREFIX

TAG = tag(examples.WORKING.version, encode(examples.WORKING))
CONDITION = {"type": "string", "format": "etag", "pattern": rf"^(\*|{TAGS.pattern})$"}
POLICY = Policy("user", 6_000, 60)
SECONDS = {"type": "string", "pattern": "^[0-9]+$"}

HEADERS: dict[str, dict[str, Any]] = {
    "RequestId": {
        "description": "Under which id the log tells of the request: yours, or a new one.",
        "required": True,
        "schema": {"type": "string"},
        "example": "019cac3e-5d80-7a31-9c4e-006f1d2b00ff",
    },
    "ETag": {
        "description": "The version of the thing, and a digest of how it looks to you; for If-Match and If-None-Match.",
        "required": True,
        "schema": {"type": "string", "pattern": '^"[0-9]+-[0-9a-f]{16}"$'},
        "example": TAG,
    },
    "Location": {
        "description": "Where the new thing is.",
        "required": True,
        "schema": {"type": "string"},
        "example": f"{PREFIX}/projects/{examples.PROJECT_ID}",
    },
    "Link": {
        "description": "The first, the previous, the next and the last page, as RFC 8288 writes links.",
        "required": True,
        "schema": {"type": "string"},
        "example": f'<{PREFIX}/projects?page=1>; rel="first"',
    },
    "Next": {
        "description": "The part that follows, if more follows now, as RFC 8288 writes links.",
        "schema": {"type": "string"},
        "example": f'<{PREFIX}/projects/{examples.PROJECT_ID}/events?after={examples.EVENT.cursor}>; rel="next"',
    },
    "WWWAuthenticate": {
        "description": "How to sign in.",
        "required": True,
        "schema": {"type": "string", "const": "Bearer"},
        "example": "Bearer",
    },
    "RateLimitPolicy": {
        "description": "The limits that were looked at, if there are any: each with its quota in so many seconds.",
        "schema": {"type": "string"},
        "example": str(POLICY),
    },
    "RateLimit": {
        "description": "What is left of them, and in how many seconds there will be more.",
        "schema": {"type": "string"},
        "example": str(Reading(POLICY, 0, 0.0, 58, 20.0)),
    },
    "RetryAfter": {
        "description": "How many seconds to wait.",
        "required": True,
        "schema": SECONDS,
        "example": "8",
    },
    "RetrySoon": {
        "description": "How many seconds to wait, where the first request with an idempotency key still runs.",
        "schema": SECONDS,
        "example": "1",
    },
    "CacheControl": {
        "description": "What is told to one user is kept for that user alone, and asked for again each time.",
        "required": True,
        "schema": {"type": "string"},
        "example": KEPT["Cache-Control"],
    },
    "Vary": {
        "description": "Which headers of a request the answer depends on.",
        "required": True,
        "schema": {"type": "string"},
        "example": KEPT["Vary"],
    },
    "AccelBuffering": {
        "description": "`no` with a stream, so that proxies hand each event on at once.",
        "schema": {"type": "string", "const": "no"},
        "example": "no",
    },
    "Replayed": {
        "description": "`true` where the answer is that of an earlier request with the same Idempotency-Key.",
        "schema": {"type": "string", "const": "true"},
        "example": "true",
    },
}
# None has an example, because a page that fills it in would send it along.
PARAMETERS: dict[str, dict[str, Any]] = {
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": 'The ETag of the thing as you read it, such as `"3"`, or several; refused if it is another now.',
        "schema": CONDITION,
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag of what you have already, or several; answered by 304 if it would come again.",
        "schema": CONDITION,
    },
    "LastEventId": {
        "name": "Last-Event-ID",
        "in": "header",
        "description": "With `Accept: text/event-stream`: the `id` of the last event that came; it wins over `after`.",
        "schema": {"type": "string"},  # a list passes it over, whatever it says
        "example": examples.EVENT.cursor,
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Makes it safe to send the request again: with the same key it is done once, and answered alike"
        " for 24 hours.",
        "schema": {"type": "string", "pattern": f"^{KEY.pattern}$"},
    },
    "RequestId": {
        "name": "X-Request-ID",
        "in": "header",
        "description": "An id of yours for the request, of 1 to 64 letters, digits, `_`, `.`, `:` and `-`.",
        "schema": {"type": "string"},
    },
}
# What every answer carries, what some answers do, and those with a status: the name in HTTP, and the name above.
ALWAYS = {"X-Request-ID": "RequestId", "RateLimit-Policy": "RateLimitPolicy", "RateLimit": "RateLimit"}
SOME = {"ETag": "ETag", "Link": "Link", "Location": "Location", REPLAYED: "Replayed"}
READ = {"Cache-Control": "CacheControl", "Vary": "Vary"}
WITH_STATUS = {
    401: {"WWW-Authenticate": "WWWAuthenticate"},
    409: {"Retry-After": "RetrySoon"},
    429: {"Retry-After": "RetryAfter"},
    503: {"Retry-After": "RetryAfter"},
}
# What a client sends and reads by its name; caches heed the rest.
SENT = frozenset(parameter["name"] for parameter in PARAMETERS.values())
TOLD = frozenset(name for named in (ALWAYS, SOME, *WITH_STATUS.values()) for name in named)


def header_refs(named: dict[str, str]) -> dict[str, dict[str, str]]:
    """Points at headers."""
    return {name: {"$ref": f"#/components/headers/{header}"} for name, header in named.items()}


def parameter_ref(name: str) -> dict[str, str]:
    """Points at a header of a request."""
    return {"$ref": f"#/components/parameters/{name}"}
