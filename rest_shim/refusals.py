"""Which refusals an endpoint can really answer: most follow from what its verb takes, the rest is one table."""

from typing import Any, get_args, get_type_hints
from uuid import UUID

import msgspec

from resolvers import agent_types, agents, auth, members, projects, sessions, users
from resolvers.domain.errors import REFUSALS, Code
from rest_shim.endpoint import Endpoint, Takes, Verb, takes

EVERYWHERE = (
    Code.MALFORMED_REQUEST, Code.NOT_ACCEPTABLE, Code.VALIDATION_FAILED, Code.RATE_LIMITED, Code.INTERNAL,
    Code.UNAVAILABLE,
)  # fmt: skip
WITH_KEY = (Code.CONFLICT, Code.IDEMPOTENCY_KEY_REUSED)
WITH_BODY = (Code.PAYLOAD_TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE)

MOVES = (Code.FORBIDDEN, Code.PROJECT_ARCHIVED, Code.INVALID_TRANSITION)
# What a verb refuses beyond what its signature tells.
OWN: dict[Verb, tuple[Code, ...]] = {
    auth.register: (Code.CONFLICT,),
    auth.login: (Code.UNAUTHENTICATED,),
    auth.refresh: (Code.UNAUTHENTICATED,),
    users.update_me: (Code.CONFLICT,),
    users.change_password: (Code.FORBIDDEN, Code.CONFLICT),
    users.search: (Code.FORBIDDEN,),
    users.get: (Code.FORBIDDEN,),
    users.inspect: (Code.FORBIDDEN,),
    users.create: (Code.FORBIDDEN, Code.CONFLICT),
    users.update_one: (Code.FORBIDDEN, Code.CONFLICT),
    users.administer: (Code.FORBIDDEN, Code.CONFLICT),
    users.delete: (Code.FORBIDDEN, Code.CONFLICT),
    users.bulk: (Code.FORBIDDEN, Code.CONFLICT),
    users.activate: (Code.FORBIDDEN,),
    users.deactivate: (Code.FORBIDDEN, Code.CONFLICT),
    users.stats: (Code.FORBIDDEN,),
    sessions.search: (Code.FORBIDDEN,),
    sessions.revoke: (Code.FORBIDDEN,),
    agent_types.create: (Code.FORBIDDEN, Code.CONFLICT),
    agent_types.update_one: (Code.FORBIDDEN, Code.CONFLICT),
    agent_types.delete: (Code.FORBIDDEN,),
    projects.create: (Code.CONFLICT,),
    projects.update_one: (Code.FORBIDDEN, Code.CONFLICT),
    projects.delete: (Code.FORBIDDEN,),
    members.add: (Code.FORBIDDEN, Code.CONFLICT),
    members.update_one: (Code.FORBIDDEN, Code.CONFLICT),
    members.remove: (Code.FORBIDDEN, Code.CONFLICT),
    agents.spawn: (Code.FORBIDDEN, Code.PROJECT_ARCHIVED, Code.AGENT_TYPE_INACTIVE),
    agents.update_one: (Code.FORBIDDEN,),
    agents.delete: (Code.FORBIDDEN, Code.INVALID_TRANSITION),
    agents.pause: MOVES,
    agents.resume: MOVES,
    agents.transition: MOVES,
}


def refusals(endpoint: Endpoint) -> dict[int, list[Code]]:
    """Returns, for each status below which an endpoint can refuse, the codes that it has there."""
    codes = {*EVERYWHERE, *OWN.get(endpoint.verb, ()), *_derived(endpoint, takes(endpoint))}
    found: dict[int, list[Code]] = {}
    for code, rule in sorted(REFUSALS.items(), key=lambda item: item[1].status):
        if code in codes:
            found.setdefault(rule.status, []).append(code)
    return found


def is_conditional(endpoint: Endpoint) -> bool:
    """Tells whether what is read has an ETag."""
    kind = get_type_hints(endpoint.verb)["return"]
    return endpoint.method == "GET" and "version" in getattr(kind, "__struct_fields__", ())


def _derived(endpoint: Endpoint, wants: Takes) -> set[Code]:
    codes: set[Code] = set()
    if wants.signed_in:
        codes.add(Code.UNAUTHENTICATED)
    if wants.body:
        codes.update(WITH_BODY)
    if wants.version or is_conditional(endpoint):
        codes.add(Code.VERSION_MISMATCH)
    if wants.key:
        codes.update(WITH_KEY)
    sent: list[type[msgspec.Struct]] = [part[1] for part in (wants.body, wants.listing) if part]
    fields = [field.type for kind in sent for field in msgspec.structs.fields(kind)]
    # An id that is none names nothing, in a body or a query as in an address.
    if "{" in endpoint.path or any(map(_names_things, fields)):
        codes.add(Code.NOT_FOUND)
    return codes


def _names_things(kind: Any) -> bool:
    return kind is UUID or any(_names_things(part) for part in get_args(kind))
