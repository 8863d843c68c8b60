"""What the process logs, as JSON and for people, and what it never does."""

import json
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.factories import PASSWORD
from tests.processes import ROOT, Place, Server, eventually

TALKER = pytest.mark.xdist_group("talker")  # one worker starts it, and not each


@pytest.fixture(scope="module")
def talker(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Iterator[Server]:
    """A server that logs all it can as JSON."""
    with Place(tmp_path_factory.mktemp("talker")) as place:
        yield place.settle(prepared).serve(**ROOT, log_format="json", log_level="debug")


def logged(server: Server, request_id: str) -> list[dict[str, object]]:
    """What was logged of a request; a line is written after the answer."""

    def found() -> list[dict[str, object]]:
        return [line for line in map(json.loads, server.err.splitlines()) if line.get("request_id") == request_id]

    assert eventually(found)
    return found()


@TALKER
@pytest.mark.parametrize(("asked", "route", "status", "signed_in"), [
    ("GET /health", "/health", 200, 0),
    ("GET /api/v1/users/me", "/api/v1/users/me", 200, 1),
    ("GET /api/v1/users/me", "/api/v1/users/me", 401, 0),
    ("GET /api/v1/projects/no-id", "/api/v1/projects/{id}", 404, 1),
    ("DELETE /api/v1/projects/no-id/agents/no-id", "/api/v1/projects/{project_id}/agents/{id}", 404, 1),
    ("GET /graphql?query={viewer{id}}", "/graphql", 200, 1),
])  # fmt: skip
def test_each_request_is_one_line(asked: str, route: str, status: int, signed_in: int, talker: Server):
    headers = talker.sign_in() if signed_in else {}
    method, path = asked.split()
    reply = talker.http.request(method, path, headers=headers)
    [line] = logged(talker, reply.headers["x-request-id"])
    assert (line["method"], line["route"], line["status"]) == (method, route, status)
    assert reply.status_code == status
    me = talker.http.get("/api/v1/users/me", headers=headers).json().get("id")
    assert line["user"] == me
    assert bool(me) == signed_in
    assert 0 < line["ms"] < 30_000


@TALKER
@pytest.mark.parametrize("given", ["abc-1", "a" * 64])
def test_a_request_id_is_taken_over(given: str, talker: Server):
    reply = talker.http.get("/health", headers={"X-Request-ID": given})
    assert reply.headers["x-request-id"] == given
    assert len(logged(talker, given)) == 1


@TALKER
@pytest.mark.parametrize("given", ["a" * 65, "two words", '{"a":1}', ""])
def test_what_is_no_request_id_is_replaced(given: str, talker: Server):
    made = talker.http.get("/nowhere/at/all", headers={"X-Request-ID": given}).headers["x-request-id"]
    [line] = logged(talker, made)
    assert made != given
    assert "at/all" not in str(line)


LOGIN = 'mutation {{ login(input: {{email: "{}", password: "{}"}}) {{ accessToken refreshToken {} }} }}'
REFRESH = 'mutation {{ refreshToken(input: {{refreshToken: "{}"}}) {{ accessToken refreshToken }} }}'


@TALKER
def test_no_password_and_no_token_is_logged(talker: Server):
    http, right, wrong = talker.http, ROOT["superuser_password"], "Wrong-Battery-99"
    answers, json_type = [], {"Content-Type": "application/json"}
    for email, password in ((ROOT["superuser_email"], right), ("nobody@example.com", wrong)):
        answers.append(talker.login(email, password))
        for document in (LOGIN.format(email, password, ""), LOGIN.format(email, password, "nope"), "{" + password):
            answers.append(http.post("/graphql", json={"query": document}))
            answers.append(http.get("/graphql", params={"query": document}))
        answers.append(http.post("/api/v1/auth/register", json={"email": email, "password": password, "name": "A"}))
        answers.append(http.post("/api/v1/auth/login", content=f'{{"password": "{password}"', headers=json_type))
        answers.append(http.get(f"/api/v1/agent-types/slug/{password}", params={"password": password}))
    by_rest, by_graphql = answers[0].json(), answers[1].json()["data"]["login"]
    tokens = [value for pair in (by_rest, by_graphql) for name, value in pair.items() if name.lower().endswith("token")]
    assert len(tokens) == 4
    for token in tokens + tokens:  # again, when they are spent
        answers.append(http.post("/api/v1/auth/refresh", json={"refresh_token": token}))
        answers.append(http.post("/graphql", json={"query": REFRESH.format(token)}))
        answers.append(http.get(f"/api/v1/projects/{token}", headers={"Authorization": f"Bearer {token}"}))
        answers.append(http.get("/api/v1/users/me", params={"token": token}))
    assert {200, 400, 401, 422} <= {answer.status_code for answer in answers}
    assert max(answer.status_code for answer in answers) < 500
    for answer in answers:
        logged(talker, answer.headers["x-request-id"])
    assert not [secret for secret in (right, wrong, "eyJ", "$argon2") if secret in talker.out + talker.err]


@pytest.mark.parametrize("form", ["json", "console"])
async def test_a_bug_is_logged_with_its_trace_and_without_secrets(form: str, settled: Place):
    server = settled.serve(**ROOT, log_format=form)
    http, tokens = server.http, server.login().json()
    connection = await asyncpg.connect(settled.database)
    # From here on each sign-up, sign-in and refresh meets an error that the code knows nothing of.
    await connection.execute("ALTER TABLE users ADD CONSTRAINT odd CHECK (is_superuser)")
    await connection.execute(
        "ALTER TABLE sessions ADD CONSTRAINT odd CHECK (rotation = 0 AND device_name IS NOT NULL) NOT VALID"
    )
    await connection.close()
    new = {"email": "new@example.com", "password": PASSWORD, "first_name": "New"}
    rest = [
        http.post("/api/v1/auth/register", json=new),
        http.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]}),
        server.login(),
    ]
    graphql = [LOGIN.format(*ROOT.values(), ""), REFRESH.format(tokens["refresh_token"])]
    replies = [http.post("/graphql", json={"query": document}).json() for document in graphql]
    assert [(reply.status_code, reply.json()["errors"][0]["code"]) for reply in rest] == [(500, "INTERNAL")] * 3
    told = [reply["errors"][0]["extensions"] for reply in replies]
    assert [extensions["code"] for extensions in told] == ["INTERNAL"] * 2
    for error_id in [reply.json()["error_id"] for reply in rest] + [extensions["errorId"] for extensions in told]:
        assert eventually(lambda error_id=error_id: error_id in server.err)
    assert server.err.count("CheckViolationError") >= 5
    assert not [secret for secret in (PASSWORD, "eyJ", "$argon2") if secret in server.err]


@TALKER
async def test_production_makes_nobody_and_shows_no_graphiql(place: Place, talker: Server):
    server = place.serve(environment="production")
    page, explored = (each.http.get("/graphql", headers={"Accept": "text/html"}) for each in (server, talker))
    assert "html" in explored.headers["content-type"]
    assert "html" not in page.headers["content-type"]
    assert "<html" not in page.text.lower()
    connection = await asyncpg.connect(place.database)
    assert await connection.fetchval("SELECT count(*) FROM users") == 0
    await connection.close()
    assert "password" not in server.out + server.err
    assert [json.loads(line)["route"] for line in server.err.splitlines()]
