"""What schemathesis has to be told about Roster: loaded by `st run` itself, through SCHEMATHESIS_HOOKS."""

import json

import schemathesis
from hypothesis import strategies
from schemathesis.checks import CHECKS
from schemathesis.specs.openapi import checks

from resolvers.domain.passwords import weakness

# What the state of things forbids and no schema can tell: a request may fit its schema and still be refused so.
OF_STATE = {
    ("INVALID_TRANSITION", None),
    ("AGENT_TYPE_INACTIVE", "agent_type_id"),
    ("PROJECT_ARCHIVED", None),
    ("IDEMPOTENCY_KEY_REUSED", "idempotency_key"),
    ("VERSION_MISMATCH", None),
    ("VALIDATION_FAILED", "project_id"),  # in the body, where it is not that of the address
}
# What DELETE archives, deactivates or terminates can be read ever after; anything else is gone.
KEPT = {"DELETE /projects/{id}", "DELETE /agent-types/{id}", "DELETE /projects/{project_id}/agents/{id}"}
BUILT_IN = {check.__name__: check for check in (checks.positive_data_acceptance, checks.use_after_free)}
for name in BUILT_IN:
    CHECKS.unregister(name)


@schemathesis.check
def use_after_free(ctx, response, case) -> bool | None:
    """Takes the place of the check of that name: what DELETE does away with is gone."""
    try:
        return BUILT_IN["use_after_free"](ctx, response, case)
    except checks.UseAfterFree as found:
        if found.operation in KEPT:
            return None
        raise


@schemathesis.check
def positive_data_acceptance(ctx, response, case) -> bool | None:
    """Takes the place of the check of that name: valid data are accepted, or refused for the state of things."""
    if response.status_code in {412, 422} and _codes(response) <= OF_STATE:
        return None
    return BUILT_IN["positive_data_acceptance"](ctx, response, case)


def _codes(response) -> set[tuple[str, str | None]]:
    return {(fault["code"], fault["field"]) for fault in json.loads(response.content)["errors"]}


number = strategies.integers(1, 3)
tag = strategies.one_of(
    number.map('"{}"'.format), number.map('"{}-0123456789abcdef"'.format), number.map('W/"{}"'.format)
)
schemathesis.openapi.format(
    "etag", strategies.one_of(strategies.just("*"), tag, strategies.lists(tag, min_size=1, max_size=3).map(", ".join))
)
schemathesis.openapi.format(
    "password",
    strategies.text(strategies.characters(codec="utf-8", exclude_characters="\0"), min_size=12, max_size=100)
    .map("aB3-{}".format)
    .filter(lambda text: weakness(text) is None),
)
