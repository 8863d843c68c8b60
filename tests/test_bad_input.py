"""What no client should send: limits, odd text, odd numbers, nulls and unknown fields, through both doors."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
import pytest
from sqlalchemy import text

from resolvers.domain.passwords import COMMON
from resolvers.store.engine import Store
from resolvers.store.tables import metadata
from tests.doors import Answer, Door, GraphQLDoor, RestDoor, camel
from tests.factories import PASSWORD, Factory, Scene
from tests.test_parity import CASES

# Every row of every table, to the last column; failed logins aside, which are counted on purpose.
SNAPSHOT = " UNION ALL ".join(
    f"SELECT '{name}', md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t"
    for name in metadata.tables
    if name != "login_failures"
)


def watch(http: httpx.AsyncClient) -> None:
    """Fails whatever test is answered with a bug of ours."""

    async def never_internal(reply: httpx.Response) -> None:
        body = await reply.aread()
        assert reply.status_code < 500, body
        assert b'"INTERNAL"' not in body, body

    http.event_hooks = {"response": [never_internal]}


async def rows(store: Store) -> dict[str, str]:
    """Returns all that is in the database, a digest for each table."""
    async with store.read() as db:
        return {row[0]: row[1] for row in await db.execute(text(SNAPSHOT))}


TARGETS: dict[str, tuple[str, str, Callable[[Scene], object]]] = {
    "update_agent": (
        "/projects/{0.project.id}/agents/{0.agent.id}", "agent { name tokensUsed costIncurred }", lambda s: s.agent.id,
    ),
    "update_agent_type": ("/agent-types/{0.kind.id}", "agentType { name modelParams }", lambda s: s.kind.id),
}  # fmt: skip


class Trial(NamedTuple):
    """Asks through one door, and sees to it that what was refused left nothing behind."""

    door: Door
    scene: Scene
    make: Factory

    async def refused(self, name: str, /, **bad: Any) -> Answer:
        """Asks for what must be refused, and sees that nothing was written."""
        who, args = await CASES[name].ready(self.scene, self.make)
        async with self.nothing_written():
            answer = await self.door.ask(name, who, **args | bad)
        assert answer.code is not None, answer
        return answer

    async def accepted(self, name: str, /, **good: Any) -> Any:
        """Asks for what must be done, and returns what came of it."""
        who, args = await CASES[name].ready(self.scene, self.make)
        answer = await self.door.ask(name, who, **args | good)
        assert answer.code is None, answer
        return answer.value

    def fault(self, field: str) -> tuple[tuple[str, str], ...]:
        """Returns the one entry that a bad field must have."""
        return ((camel(field) if isinstance(self.door, GraphQLDoor) else field, "VALIDATION_FAILED"),)

    def mistyped(self, answer: Answer, field: str) -> bool:
        """Tells whether a wrong type was refused; GraphQL's own types do that before there is a field to name."""
        unnamed = isinstance(self.door, GraphQLDoor) and answer.faults == ()
        return answer.code == "VALIDATION_FAILED" and (unnamed or answer.faults == self.fault(field))

    @asynccontextmanager
    async def nothing_written(self) -> AsyncIterator[None]:
        """Sees that the database is the same afterwards."""
        before = await rows(self.scene.root.store)
        yield
        assert await rows(self.scene.root.store) == before

    async def run(self, document: str, **variables: Any) -> httpx.Response:
        """Sends a document, as a superuser."""
        body = {"query": document, "variables": variables}
        return await self.door.http.post("/graphql", json=body, headers=self.scene.root.headers)

    async def send(self, name: str, field: str, value: str) -> httpx.Response:
        """Sends one field as raw JSON text, such as no JSON library would write."""
        path, made, id_of = TARGETS[name]
        headers = self.scene.root.headers | {"Content-Type": "application/json"}
        if isinstance(self.door, RestDoor):
            body = f'{{"{field}": {value}}}'
            return await self.door.http.patch("/api/v1" + path.format(self.scene), content=body, headers=headers)
        mutation = camel(name)
        kind = mutation[0].upper() + mutation[1:]
        query = f"mutation($input: {kind}Input!) {{ {mutation}(input: $input) {{ {made} userErrors {{ code }} }} }}"
        given = f'{{"id": "{id_of(self.scene)}", "{camel(field)}": {value}}}'
        body = f'{{"query": {json.dumps(query)}, "variables": {{"input": {given}}}}}'
        return await self.door.http.post("/graphql", content=body, headers=headers)


REST = pytest.mark.parametrize("door", ["rest"], indirect=True)
GRAPHQL = pytest.mark.parametrize("door", ["graphql"], indirect=True)


@pytest.fixture
def trial(door: Door, scene: Scene, make: Factory) -> Trial:
    watch(door.http)
    return Trial(door, scene, make)


def code_of(reply: httpx.Response) -> str | None:
    """Returns the code of a refusal, wherever the door puts it."""
    body = reply.json()
    if "errors" in body:
        first = body["errors"][0]
        return first["code"] if "code" in first else first["extensions"]["code"]
    payloads = [payload for payload in body.get("data", {}).values() if payload]
    return next((error["code"] for payload in payloads for error in payload.get("userErrors", ())), None)


LINES = [
    ("create_project", "name"), ("update_agent", "name"), ("create_agent_type", "primary_model"),
    ("register", "last_name"),
]  # fmt: skip
BAD_LINES = {
    "empty": "",
    "only blanks": " \t\n ",
    "only no-break spaces": "\u00a0\u2003",
    "256 characters": "x" * 256,
    "10,000 characters": "x" * 10_000,
    "256 emoji": "\U0001f44d" * 256,
    "NUL": "a\x00b",
    "tab": "a\tb",
    "line feed": "a\nb",
    "carriage return": "a\rb",
    "escape": "a\x1b[31mb",
    "delete": "a\x7fb",
    "next line": "a\x85b",
    "line separator": "a\u2028b",
}
GOOD_LINES = {
    "1 character": "x",
    "255 characters": "x" * 255,
    "255 emoji": "\U0001f44d" * 255,
    "a family of emoji": "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f3f3\ufe0f\u200d\U0001f308",
    "right to left": "\u202eabc\u202c \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "combining marks": "Z\u0351\u036ba\u0310l\u0334go, not composed: e\u0301",
    "markup and quotes": """<script>"'`\\u0041${x}{{y}}%s</script>""",
}


@pytest.mark.parametrize("value", BAD_LINES.values(), ids=BAD_LINES)
async def test_a_bad_line_is_refused(value: str, trial: Trial):
    for name, field in LINES:
        assert (await trial.refused(name, **{field: value})).faults == trial.fault(field)


@pytest.mark.parametrize("value", GOOD_LINES.values(), ids=GOOD_LINES)
async def test_a_good_line_is_kept_unchanged(value: str, trial: Trial):
    for name, field in LINES:
        assert (await trial.accepted(name, **{field: value}))[field] == value


@pytest.mark.parametrize(
    ("sent", "kept"), [("  a b\n", "a b"), (" " + "x" * 253 + " ", "x" * 253)], ids=["short", "255"]
)
async def test_names_are_trimmed(sent: str, kept: str, trial: Trial):
    assert (await trial.accepted("create_project", name=sent))["name"] == kept


@pytest.mark.parametrize(
    "value",
    [["x"] * 51, [""], ["  "], ["x" * 256], ["a\x00"], ["fine", "a\nb"]],
    ids=["51 items", "empty", "blank", "256 characters", "NUL", "line break in the second"],
)
async def test_a_bad_list_is_refused(value: list[str], trial: Trial):
    for field in ("expertise", "fallback_models", "mcp_servers"):
        assert (await trial.refused("update_agent_type", **{field: value})).faults == trial.fault(field)


async def test_fifty_items_are_kept_in_order_and_trimmed(trial: Trial):
    items = [f" item {number} " for number in range(50)]
    kept = (await trial.accepted("update_agent_type", expertise=items))["expertise"]
    assert kept == [item.strip() for item in items]


@pytest.mark.parametrize("count", [0, 101])
async def test_users_are_selected_by_1_to_100_ids(count: int, trial: Trial):
    answer = await trial.refused("deactivate_users", user_ids=[str(trial.scene.stranger.id)] * count)
    assert answer.faults == trial.fault("user_ids")


BAD_SLUGS = {
    "empty": "", "101 characters": "x" * 101, "upper case": "Abc", "hyphen first": "-a", "hyphen last": "a-",
    "two hyphens": "a--b", "blank": "a b", "blanks around": " a ", "line feed last": "a\n", "accent": "\u00e9",
    "Arabic digit": "\u0661", "full-width letter": "\uff41", "NUL": "a\x00", "slash": "a/b", "dot": "a.b",
}  # fmt: skip


@pytest.mark.parametrize("slug", BAD_SLUGS.values(), ids=BAD_SLUGS)
async def test_a_bad_slug_is_refused(slug: str, trial: Trial):
    for name in ("create_project", "update_project", "create_agent_type"):
        assert (await trial.refused(name, slug=slug)).faults == trial.fault("slug")


@pytest.mark.parametrize("slug", ["0", "a-1-b", "x" * 100], ids=["1 character", "groups", "100 characters"])
async def test_a_good_slug_is_kept(slug: str, trial: Trial):
    assert (await trial.accepted("create_project", slug=slug))["slug"] == slug


LONGEST_EMAIL = f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 63}.com"
BAD_EMAILS = {
    "empty": "", "no at": "abc.de", "two ats": "a@b@c.de", "no dot": "a@b", "empty label": "a@b..de",
    "dot last": "a@b.de.", "nobody": "@b.de", "65 before the at": "a" * 65 + "@b.de",
    "255 characters": LONGEST_EMAIL + "x", "10,000 characters": "a" * 10_000 + "@b.de",
    "blank inside": "a b@c.de", "line break": "a\n@b.de", "NUL": "a\x00@b.de", "control": "a\x01@b.de",
    "C1 control": "a\x85@b.de", "brackets": "<a@b.de>", "list": "a@b.de,c@d.ef",
}  # fmt: skip


@pytest.mark.parametrize("email", BAD_EMAILS.values(), ids=BAD_EMAILS)
async def test_a_bad_address_is_refused(email: str, trial: Trial):
    for name in ("register", "update_me"):
        assert (await trial.refused(name, email=email)).faults == trial.fault("email")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(" Ada.L@Example.COM ", "ada.l@example.com"), (LONGEST_EMAIL, LONGEST_EMAIL), ("a+b@c.de", "a+b@c.de")],
    ids=["trimmed, in lower case", "254 characters", "plus"],
)
async def test_a_good_address_can_sign_in(sent: str, kept: str, trial: Trial):
    assert (await trial.accepted("register", email=sent))["email"] == kept
    assert (await trial.door.ask("login", email=sent, password=PASSWORD)).code is None


BAD_PASSWORDS = {
    "empty": "", "11 characters": "Aa1!" + "x" * 7, "129 characters": "Aa1!" + "x" * 125, "10,000": "aA1!" * 2_500,
    "no lower case": "ABCDEFGH-1234", "no upper case": "abcdefgh-1234", "no digit": "Abcdefgh-ijkl",
    "no sign": "Abcdefgh1234x", "blanks": " " * 12, "common": f"{max(COMMON).title()}-----1",
    "common in disguise": "P@ssw0rd12345!", "NUL": "Aa1!xxxxxxxxx\x00",
}  # fmt: skip


@pytest.mark.parametrize("value", BAD_PASSWORDS.values(), ids=BAD_PASSWORDS)
async def test_a_bad_password_is_refused(value: str, trial: Trial):
    for name, field in (("register", "password"), ("change_password", "new_password"), ("update_user", "password")):
        assert (await trial.refused(name, **{field: value})).faults == trial.fault(field)


@pytest.mark.parametrize(
    "password",
    ["Aa1!" + "x" * 8, "Aa1!" + "x" * 124, "Aa1!" + "\U0001f44d" * 124, "  Aa1!xxxxxxxx  "],
    ids=["12 characters", "128 characters", "512 bytes", "blanks around"],
)
async def test_a_good_password_signs_in_as_it_is(password: str, trial: Trial):
    email = (await trial.accepted("register", password=password))["email"]
    assert (await trial.door.ask("login", email=email, password=password)).code is None
    assert (await trial.door.ask("login", email=email, password=password[:-1])).code == "UNAUTHENTICATED"


async def test_no_password_is_too_long_to_be_wrong_but_only_up_to_1000(trial: Trial):
    assert (
        await trial.door.ask("login", email=trial.scene.owner.email, password="x" * 1_000)
    ).code == "UNAUTHENTICATED"
    answer = await trial.door.ask("login", email=trial.scene.owner.email, password="x" * 1_001)
    assert answer.faults == trial.fault("password")


TEXTS = [
    ("update_agent_type", "personality_prompt", 100_000), ("update_project", "description", 10_000),
    ("update_agent", "current_task", 10_000),
]  # fmt: skip


@pytest.mark.parametrize(("name", "field", "limit"), TEXTS)
async def test_texts_end_at_their_limit(name: str, field: str, limit: int, trial: Trial):
    assert (await trial.accepted(name, **{field: "x" * limit}))[field] == "x" * limit
    assert (await trial.refused(name, **{field: "x" * (limit + 1)})).faults == trial.fault(field)
    assert (await trial.refused(name, **{field: "a\x00b"})).faults == trial.fault(field)


@pytest.mark.parametrize(("name", "field", "limit"), TEXTS)
async def test_texts_keep_lines_and_signs(name: str, field: str, limit: int, trial: Trial):
    words = " Be kind.\r\n\t\u2028\U0001f44d \u202eabc\u202c\x01\x7f\n"
    assert (await trial.accepted(name, **{field: words}))[field] == words


SURROGATES = {
    "high": '"\\ud800"', "low": '"\\udc00"', "high before text": '"\\ud800x"', "swapped": '"\\udc00\\ud800"',
    "two highs": '"\\ud83d\\ud83d"', "high before an escape": '"\\ud83d\\n"',
}  # fmt: skip


@pytest.mark.parametrize("value", SURROGATES.values(), ids=SURROGATES)
async def test_half_a_surrogate_pair_is_refused(value: str, trial: Trial):
    sent = [
        ("update_agent", "name", value),
        ("update_agent", "current_task", value),
        ("update_agent_type", "personality_prompt", value),
        ("update_agent_type", "model_params", f'{{"a": [{value}]}}'),
        ("update_agent_type", "model_params", f"{{{value}: 1}}"),
        ("update_agent", value[1:-1], "1"),
    ]
    async with trial.nothing_written():
        codes = {code_of(await trial.send(*part)) for part in sent}
    assert codes <= {"MALFORMED_REQUEST", "VALIDATION_FAILED"}


async def test_a_whole_surrogate_pair_is_a_character(trial: Trial):
    reply = await trial.send("update_agent", "name", '"\\ud83d\\udc4d"')
    assert code_of(reply) is None
    assert "\U0001f44d" in reply.text


@GRAPHQL
@pytest.mark.parametrize("value", SURROGATES.values(), ids=SURROGATES)
async def test_half_a_surrogate_pair_in_a_document_is_refused(value: str, trial: Trial):
    given = f'id: "{trial.scene.agent.id}", name: {value}'
    async with trial.nothing_written():
        reply = await trial.run(f"mutation {{ updateAgent(input: {{{given}}}) {{ userErrors {{ code }} }} }}")
    assert code_of(reply) in {"MALFORMED_REQUEST", "VALIDATION_FAILED"}
