"""Numbers, money, parameters, nulls and unknown fields that must be refused, through both doors."""

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import text

from resolvers.domain.errors import Refusal
from resolvers.store.engine import Store
from resolvers.store.errors import StatementError
from tests.doors import Door, RestDoor
from tests.factories import Factory, Scene
from tests.test_bad_input import GRAPHQL, REST, Trial, code_of, watch
from tests.test_parity import CASES


@pytest.fixture
def trial(door: Door, scene: Scene, make: Factory) -> Trial:
    watch(door.http)
    return Trial(door, scene, make)


@pytest.mark.parametrize("value", [0, 1, 2**31, 2**53 - 1])
async def test_counts_are_exact_as_far_as_json_is(value: int, trial: Trial):
    assert (await trial.accepted("update_agent", tokens_used=value))["tokens_used"] == value
    assert (await trial.door.ask("project_metrics", trial.scene.owner, project_id=trial.scene.project.id)).value[
        "total_tokens_used"
    ] == value


@pytest.mark.parametrize("value", [-1, 2**53, 2**63, 2**64, 10**40, -(2**63)])
async def test_counts_out_of_range_are_refused(value: int, trial: Trial):
    for field in ("tokens_used", "tasks_completed"):
        assert (await trial.refused("update_agent", **{field: value})).faults == trial.fault(field)


WRONG_TYPES = [
    ("update_agent", "tokens_used", [True, False, 1.5, "5", "", [1], {}]),
    ("update_agent", "name", [5, True, 1.5, ["a"], {"a": "b"}]),
    ("update_agent", "cost_incurred", [True, [1], {"a": 1}, "", "abc", "0x10", "1.2.3", "1,5"]),
    ("update_agent_type", "is_active", [0, 1, "true", "", [True]]),
    ("update_agent_type", "expertise", [5, [5], [None], [["a"]], {"a": "b"}]),
    ("register", "email", [5, True, {}]),
    ("register", "password", [123456789012, True, ["Aa1!xxxxxxxx"]]),
    ("login", "password", [5, True]),
    ("create_project", "slug", [5, {}]),
]


@pytest.mark.parametrize(
    ("name", "field", "values"), WRONG_TYPES, ids=[f"{name}-{field}" for name, field, _ in WRONG_TYPES]
)
async def test_a_wrong_type_is_refused(name: str, field: str, values: list[Any], trial: Trial):
    for value in values:
        answer = await trial.refused(name, **{field: value})
        assert trial.mistyped(answer, field), (value, answer)


@pytest.mark.parametrize("value", [[], ["a"], "{}", 5, True], ids=repr)
async def test_parameters_are_an_object(value: Any, trial: Trial):
    assert (await trial.refused("update_agent_type", model_params=value)).faults == trial.fault("model_params")


GOOD_COSTS = {
    "0": "0.000000", "-0": "0.000000", "-0.0": "0.000000", "1e3": "1000.000000", "1E-6": "0.000001",
    "1.1234560": "1.123456", "999999999999.999999": "999999999999.999999", 5: "5.000000", 0.1: "0.100000",
    1.5: "1.500000", 1e11: "100000000000.000000",
}  # fmt: skip
BAD_COSTS = [
    "NaN", "sNaN", "-NaN", "nan", "Infinity", "-Infinity", "inf", "-1", "-0.000001", "-0.0000001", "1.1234567", "1e-7",
    "1e12", "1000000000000", "999999999999.9999999", "1e999", "1e-999", "1e999999999", "-1e999999999", "9" * 5_000,
    -1, -0.5, 1e-7, 1.1234567, 1e300, 10**12, 10**60,
]  # fmt: skip


@pytest.mark.parametrize(("sent", "kept"), GOOD_COSTS.items(), ids=map(repr, GOOD_COSTS))
async def test_money_is_exact(sent: Any, kept: str, trial: Trial):
    assert (await trial.accepted("update_agent", cost_incurred=sent))["cost_incurred"] == kept


@pytest.mark.parametrize("value", BAD_COSTS, ids=lambda value: repr(value)[:20])
async def test_money_out_of_range_is_refused(value: Any, trial: Trial):
    assert (await trial.refused("update_agent", cost_incurred=value)).faults == trial.fault("cost_incurred")


@pytest.mark.parametrize("value", ["1_000", "\u0663", " 1 ", "1\n", "+ 1", "1e"], ids=ascii)
async def test_money_that_only_python_reads_is_refused(value: str, trial: Trial):
    answer = await trial.refused("update_agent", cost_incurred=value)
    assert trial.mistyped(answer, "cost_incurred"), answer


async def test_money_sent_as_a_number_is_exact_or_refused(trial: Trial):
    reply = await trial.send("update_agent", "cost_incurred", "123456789012.123456")
    agent = (await trial.door.ask("agent", trial.scene.viewer, **trial.scene.names)).value
    # A double has no room for it: what was kept must be what was sent.
    assert agent["cost_incurred"] == ("0.000000" if code_of(reply) else "123456789012.123456")


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "01", "+1", ".5", "0x1"])
async def test_numbers_that_json_lacks_are_malformed(value: str, trial: Trial):
    async with trial.nothing_written():
        for field in ("cost_incurred", "tokens_used", "name"):
            reply = await trial.send("update_agent", field, value)
            assert (reply.status_code, code_of(reply)) == (400, "MALFORMED_REQUEST")


@pytest.mark.parametrize(("sent", "kept"), [("180.0", 180), ("1e3", 1000), ("-0.0", 0)])
async def test_a_number_is_whole_however_json_writes_it(sent: str, kept: int, trial: Trial):
    assert code_of(await trial.send("update_agent", "tokens_used", sent)) is None
    agent = (await trial.door.ask("agent", trial.scene.viewer, **trial.scene.names)).value
    assert agent["tokens_used"] == kept


async def test_minus_zero_is_zero(trial: Trial):
    for field in ("tokens_used", "cost_incurred"):
        assert code_of(await trial.send("update_agent", field, "-0")) is None
    agent = (await trial.door.ask("agent", trial.scene.viewer, **trial.scene.names)).value
    assert (agent["tokens_used"], agent["cost_incurred"]) == (0, "0.000000")


@GRAPHQL
@pytest.mark.parametrize("literal", [
    "tokensUsed: 9007199254740992", "tokensUsed: -1", "tokensUsed: 1.5", "tokensUsed: true", 'tokensUsed: "5"',
    f"tokensUsed: {'9' * 5_000}", "tokensUsed: NaN", "costIncurred: NaN", 'costIncurred: "NaN"', "costIncurred: true",
    "costIncurred: 1e999", f"costIncurred: {'9' * 5_000}", "costIncurred: 1.1234567", "name: 5", 'name: "a\\u0000b"',
    'name: """a\nb"""', 'name: "x", name: "y"', "nope: 1", "name: NULL", "expectedVersion: 2147483648",
    f"expectedVersion: {'9' * 5_000}", 'expectedVersion: "1"',
], ids=lambda literal: ascii(literal)[1:30])  # fmt: skip
async def test_a_bad_literal_is_refused(literal: str, trial: Trial):
    given = f'id: "{trial.scene.agent.id}", {literal}'
    async with trial.nothing_written():
        reply = await trial.run(f"mutation {{ updateAgent(input: {{{given}}}) {{ userErrors {{ code }} }} }}")
    assert code_of(reply) == "VALIDATION_FAILED"


@GRAPHQL
@pytest.mark.parametrize("number", [f"{'9' * 5_000}", "1e999", "-1e999"], ids=["5,000 digits", "1e999", "-1e999"])
async def test_parameters_in_a_document_are_finite(number: str, trial: Trial):
    given = f'id: "{trial.scene.kind.id}", modelParams: {{a: [{number}]}}'
    async with trial.nothing_written():
        reply = await trial.run(f"mutation {{ updateAgentType(input: {{{given}}}) {{ userErrors {{ code }} }} }}")
    assert code_of(reply) == "VALIDATION_FAILED"


def nested(levels: int, leaf: Any) -> dict[str, Any]:
    for _ in range(levels):
        leaf = {"a": leaf}
    return leaf


GOOD_PARAMS = {
    "empty": {}, "32 levels around a number": nested(32, 1), "32 levels around a text": nested(32, "x"),
    "empty key": {"": None}, "long key": {"k" * 10_000: "v" * 100_000}, "5,000 keys": {str(n): n for n in range(5_000)},
    "huge numbers": {"a": [2**53 + 1, 2**64, -(10**50), 10**100]}, "tiny numbers": {"a": [5e-324, 0.1, 1e-7]},
    "odd text": {"\U0001f44d\u202e": "\n\t\x01\u2028"}, "words": {"a": ["NaN", "IDLE", "null", True, False, None, 1.5]},
}  # fmt: skip
BAD_PARAMS = {
    "33 levels around a number": nested(33, 1), "33 levels around a text": nested(33, "x"), "34 levels": nested(34, 1),
    "33 lists": {"a": json.loads("[" * 33 + "]" * 33)}, "500 levels": nested(500, 1),
    "NUL in a key": {"a": {"b\x00": 1}}, "NUL in a value": {"a": ["b", "\x00"]},
    "10^101": {"a": 10**101}, "-10^101": {"a": [-(10**101)]},
}  # fmt: skip


@pytest.mark.parametrize("value", GOOD_PARAMS.values(), ids=GOOD_PARAMS)
async def test_parameters_are_kept_unchanged(value: Any, trial: Trial):
    await trial.accepted("update_agent_type", model_params=value)
    # The test's GraphQL door renames what is inside, so REST tells what was kept.
    kept = await RestDoor(trial.door.http).ask("agent_type", trial.scene.root, id=trial.scene.kind.id)
    assert kept.value["model_params"] == value


@pytest.mark.parametrize("value", BAD_PARAMS.values(), ids=BAD_PARAMS)
async def test_bad_parameters_are_refused(value: Any, trial: Trial):
    answer = await trial.refused("update_agent_type", model_params=value)
    assert answer.faults == trial.fault("model_params")


@pytest.mark.parametrize("levels", [900, 1_100, 10_000])
async def test_parameters_nested_without_end_are_refused(levels: int, trial: Trial):
    async with trial.nothing_written():
        reply = await trial.send("update_agent_type", "model_params", '{"a":' * levels + "1" + "}" * levels)
        assert code_of(reply) in {"MALFORMED_REQUEST", "VALIDATION_FAILED"}


NEVER_NULL = {
    "update_agent": ["name", "tasks_completed", "tokens_used", "cost_incurred"],
    "update_agent_type": [
        "name", "slug", "personality_prompt", "primary_model", "expertise", "fallback_models", "model_params",
        "mcp_servers", "is_active",
    ],
    "update_project": ["name", "slug"],
    "update_me": ["email", "first_name"],
    "update_user": ["email", "first_name", "password", "is_active", "is_superuser"],
}  # fmt: skip
MAY_BE_NULL = [
    ("update_agent", "current_task"), ("update_agent_type", "description"), ("update_project", "description"),
    ("update_me", "last_name"), ("update_user", "last_name"),
]  # fmt: skip


@pytest.mark.parametrize("name", NEVER_NULL)
async def test_null_is_refused_where_something_must_be(name: str, trial: Trial):
    for field in NEVER_NULL[name]:
        assert (await trial.refused(name, **{field: None})).faults == trial.fault(field)


@pytest.mark.parametrize(("name", "field"), MAY_BE_NULL)
async def test_null_empties_what_may_be_empty(name: str, field: str, trial: Trial):
    full = await trial.accepted(name, **{field: "something"})
    empty = await trial.accepted(name, **{field: None})
    assert (full[field], empty[field]) == ("something", None)
    assert empty["version"] > full["version"]


@GRAPHQL
async def test_a_status_is_never_null_in_graphql(trial: Trial):
    given = f'id: "{trial.scene.project.id}", status: null'
    async with trial.nothing_written():
        reply = await trial.run(f"mutation {{ updateProject(input: {{{given}}}) {{ userErrors {{ code }} }} }}")
    assert code_of(reply) == "VALIDATION_FAILED"


@REST
@pytest.mark.parametrize(("name", "field"), [("update_project", "status"), ("update_member", "role")])
async def test_a_status_is_never_null_in_rest(name: str, field: str, trial: Trial):
    assert (await trial.refused(name, **{field: None})).faults == trial.fault(field)


@pytest.mark.parametrize("name", ["create_project", "update_agent", "register", "login", "add_member", "transition"])
async def test_unknown_fields_are_refused(name: str, trial: Trial):
    answer = await trial.refused(name, is_superuser_too=True, nope=None)
    assert answer.code == "VALIDATION_FAILED"
    if isinstance(trial.door, RestDoor):
        assert {field for field, _ in answer.faults} == {"is_superuser_too", "nope"}


@REST
@pytest.mark.parametrize("field", ["id", "version", "is_superuser", "status", "created_at"])
async def test_nobody_sets_what_the_server_sets(field: str, trial: Trial):
    for name in ("create_project", "register", "spawn"):
        assert (await trial.refused(name, **{field: True})).faults == trial.fault(field)


async def test_each_bad_field_has_one_entry(trial: Trial):
    # The name is wrong twice over, the list four times.
    bad = {"name": "\x00" * 300, "slug": "A--", "personality_prompt": "", "expertise": ["", "", "\x00", "x" * 300]}
    answer = await trial.refused("create_agent_type", **bad, model_params={"\x00": "\x00"})
    expected = [trial.fault(field)[0] for field in (*bad, "model_params")]
    assert sorted(answer.faults) == sorted(expected)


@REST
async def test_each_missing_and_unknown_field_has_one_entry(trial: Trial):
    reply = await trial.door.http.post(
        "/api/v1/agent-types", json={"nope": 1, "name": ""}, headers=trial.scene.root.headers
    )
    fields = sorted(error["field"] for error in reply.json()["errors"])
    assert (reply.status_code, fields) == (422, ["name", "nope", "personality_prompt", "primary_model", "slug"])


UPDATES = ["update_agent", "update_agent_type", "update_project", "update_user", "update_me"]


@pytest.mark.parametrize("name", UPDATES)
async def test_a_change_of_nothing_changes_nothing(name: str, trial: Trial):
    who, args = await CASES[name].ready(trial.scene, trial.make)
    nothing = {key: value for key, value in args.items() if key in {"id", "project_id"}}
    async with trial.nothing_written():
        answer = await trial.door.ask(name, who, **nothing)
        assert (answer.code, answer.value["version"]) == (None, 1)


@pytest.mark.parametrize("name", [*UPDATES, "update_member"])
async def test_a_change_to_what_is_there_already_changes_nothing(name: str, trial: Trial):
    once = await trial.accepted(name)
    async with trial.nothing_written():
        twice = await trial.accepted(name)
        assert (once["version"], twice["version"]) == (2, 2)


async def test_a_value_that_cannot_be_sent_leaves_no_lock_behind(database: str):
    # The driver refuses it between two messages of its own; the server would wait for the second, and hold its locks.
    never = {"never": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))}
    store = Store(database, 2)
    try:
        async with store.read() as other:
            with pytest.raises((StatementError, Refusal)):
                async with store.read() as db:
                    await db.execute(text("SELECT id FROM users WHERE created_at < :never"), never)
            await other.execute(text("DO $$ BEGIN LOCK TABLE users IN ACCESS EXCLUSIVE MODE NOWAIT; END $$"))
    finally:
        await store.close()
