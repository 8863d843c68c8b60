"""The two doors as a test sees them: the same operation, asked for through REST or through GraphQL."""

import json
import re
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import httpx

from resolvers.domain.agent_types import AgentType
from resolvers.domain.agents import Agent, AgentMetrics
from resolvers.domain.events import Event
from resolvers.domain.fields import Record
from resolvers.domain.projects import Member, Project
from resolvers.domain.sessions import Session
from resolvers.domain.users import Stats, User
from tests.factories import Person


class Operation(NamedTuple):
    """What one verb is called in each door."""

    rest: str
    graphql: str
    record: type[Record] | None = None
    thing: str | None = None
    # What stands in the path only, because GraphQL needs no more than the id.
    path_only: tuple[str, ...] = ()
    # What REST says in the body and GraphQL in the name of the mutation.
    rest_body: tuple[tuple[str, str], ...] = ()


class Answer(NamedTuple):
    """What came of it: a code when it was refused, else the value with names as REST has them."""

    code: str | None
    value: Any = None
    faults: tuple[tuple[str | None, str], ...] = ()


AGENT = "/projects/{project_id}/agents/{id}"
MEMBER = "/projects/{project_id}/members/{user_id}"
TYPE = "/agent-types/{id}"
IN_PROJECT = ("project_id",)
BULK = "POST /admin/users/bulk-action"

OPERATIONS: dict[str, Operation] = {
    "register": Operation("POST /auth/register", "mutation register", User, "user"),
    "login": Operation("POST /auth/login", "mutation login"),
    "refresh": Operation("POST /auth/refresh", "mutation refreshToken"),
    "logout": Operation("POST /auth/logout", "mutation logout"),
    "logout_all": Operation("POST /auth/logout-all", "mutation logoutAll"),
    "me": Operation("GET /users/me", "query viewer", User),
    "update_me": Operation("PATCH /users/me", "mutation updateViewer", User, "user"),
    "change_password": Operation("PATCH /users/me/password", "mutation changePassword"),
    "my_sessions": Operation("GET /sessions/me", "connection viewer.sessions", Session),
    "clean_up_sessions": Operation("DELETE /sessions/me/expired", "mutation cleanUpSessions"),
    "revoke_session": Operation("DELETE /sessions/{id}", "mutation revokeSession"),
    "users": Operation("GET /users", "connection users", User),
    "user": Operation("GET /admin/users/{id}", "query user", User),
    "create_user": Operation("POST /admin/users", "mutation createUser", User, "user"),
    "update_user": Operation("PUT /admin/users/{id}", "mutation updateUser", User, "user"),
    "delete_user": Operation("DELETE /admin/users/{id}", "mutation deleteUser"),
    "activate_users": Operation(BULK, "mutation activateUsers", rest_body=(("action", "activate"),)),
    "deactivate_users": Operation(BULK, "mutation deactivateUsers", rest_body=(("action", "deactivate"),)),
    "sessions": Operation("GET /admin/sessions", "connection sessions", Session),
    "stats": Operation("GET /admin/stats", "query stats", Stats),
    "agent_types": Operation("GET /agent-types", "connection agentTypes", AgentType),
    "agent_type": Operation("GET " + TYPE, "query agentType", AgentType),
    "agent_type_by_slug": Operation("GET /agent-types/slug/{slug}", "query agentType", AgentType),
    "create_agent_type": Operation("POST /agent-types", "mutation createAgentType", AgentType, "agentType"),
    "update_agent_type": Operation("PATCH " + TYPE, "mutation updateAgentType", AgentType, "agentType"),
    "deactivate_agent_type": Operation("DELETE " + TYPE, "mutation deactivateAgentType", AgentType, "agentType"),
    "projects": Operation("GET /projects", "connection projects", Project),
    "project": Operation("GET /projects/{id}", "query project", Project),
    "project_by_slug": Operation("GET /projects/slug/{slug}", "query project", Project),
    "create_project": Operation("POST /projects", "mutation createProject", Project, "project"),
    "update_project": Operation("PATCH /projects/{id}", "mutation updateProject", Project, "project"),
    "archive_project": Operation("DELETE /projects/{id}", "mutation archiveProject", Project, "project"),
    "members": Operation("GET /projects/{project_id}/members", "connection project.members", Member),
    "add_member": Operation("POST /projects/{project_id}/members", "mutation addProjectMember", Member, "member"),
    "update_member": Operation("PATCH " + MEMBER, "mutation updateProjectMember", Member, "member"),
    "remove_member": Operation("DELETE " + MEMBER, "mutation removeProjectMember"),
    "agents": Operation("GET /projects/{project_id}/agents", "connection project.agents", Agent),
    "agent": Operation("GET " + AGENT, "query agent", Agent, None, IN_PROJECT),
    "spawn": Operation("POST /projects/{project_id}/agents", "mutation spawnAgent", Agent, "agent"),
    "update_agent": Operation("PATCH " + AGENT, "mutation updateAgent", Agent, "agent", IN_PROJECT),
    "pause": Operation(f"POST {AGENT}/pause", "mutation pauseAgent", Agent, "agent", IN_PROJECT),
    "resume": Operation(f"POST {AGENT}/resume", "mutation resumeAgent", Agent, "agent", IN_PROJECT),
    "terminate": Operation("DELETE " + AGENT, "mutation terminateAgent", Agent, "agent", IN_PROJECT),
    "transition": Operation(f"POST {AGENT}/transition", "mutation transitionAgent", Agent, "agent", IN_PROJECT),
    "agent_metrics": Operation(f"GET {AGENT}/metrics", "edge agent.metrics", AgentMetrics, None, IN_PROJECT),
    "project_metrics": Operation("GET /projects/{project_id}/agents/metrics", "edge project.metrics", AgentMetrics),
    "agent_events": Operation(f"GET {AGENT}/events", "connection agent.events", Event, None, IN_PROJECT),
    "project_events": Operation("GET /projects/{project_id}/events", "connection project.events", Event),
}  # fmt: skip


class Door(Protocol):
    """Asks for an operation, and says what came of it."""

    async def ask(self, name: str, who: Person | None = None, /, **args: Any) -> Answer: ...


class RestDoor:
    """REST: path, query or body, and the problem's code."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def ask(self, name: str, who: Person | None = None, /, **args: Any) -> Answer:
        operation = OPERATIONS[name]
        method, template = operation.rest.split()
        headers = dict(who.headers) if who else {}
        version = args.pop("expected_version", None)
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        path = template.format(**args)
        rest = {key: value for key, value in args.items() if f"{{{key}}}" not in template}
        words: dict[str, Any] = {"params": rest} if method == "GET" else {"json": rest | dict(operation.rest_body)}
        reply = await self.http.request(
            method, "/api/v1" + path, headers=headers, **(words if rest or method != "DELETE" else {})
        )
        body = reply.json()
        if reply.is_success:
            return Answer(None, body)
        assert body["success"] is False
        assert body["status"] == reply.status_code
        faults = tuple((fault["field"], fault["code"]) for fault in body["errors"])
        return Answer(faults[0][1] if len({code for _, code in faults}) == 1 else "VALIDATION_FAILED", body, faults)


class GraphQLDoor:
    """GraphQL: a document with one root field, and the code of its error or of its first user error."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def ask(self, name: str, who: Person | None = None, /, **args: Any) -> Answer:
        operation = OPERATIONS[name]
        given = {camel(key): value for key, value in args.items() if key not in operation.path_only}
        kind, field = operation.graphql.split()
        reply = await self.run(*getattr(self, f"_{kind}")(operation, field, given), who)
        if "errors" in reply:
            extensions = reply["errors"][0]["extensions"]
            faults = tuple((fault["field"][0], fault["code"]) for fault in extensions.get("errors", ()))
            return Answer(extensions["code"], reply, faults)
        value = reply["data"]
        for part in field.split("."):
            value = value[part]
            if value is None:
                return Answer("NOT_FOUND", reply)
        errors = value.pop("userErrors", None)
        if errors:
            faults = tuple(((error["field"] or [None])[0], error["code"]) for error in errors)
            return Answer(errors[0]["code"], errors, faults)
        return Answer(None, snake(value[operation.thing] if operation.thing else value))

    async def run(self, document: str, variables: dict[str, Any], who: Person | None = None) -> dict[str, Any]:
        """Sends a document and returns the whole reply."""
        body = {"query": document, "variables": variables}
        reply = await self.http.post("/graphql", json=body, headers=who.headers if who else {})
        return reply.json()

    def _mutation(self, operation: Operation, field: str, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        made = selection(operation.record) if operation.record else ""
        own = f"{operation.thing} {{ {made} }}" if operation.thing else MESSAGES.get(field, "message")
        errors = "userErrors { code message field }"
        kind = field[0].upper() + field[1:]
        if field in BARE:
            return f"mutation {{ {field} {{ {own} {errors} }} }}", {}
        # An enum stands in a variable as its name.
        given = {key: value.upper() if key in {"to", "role", "status"} else value for key, value in given.items()}
        document = f"mutation($input: {kind}Input!) {{ {field}(input: $input) {{ {own} {errors} }} }}"
        return document, {"input": given}

    def _query(self, operation: Operation, field: str, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        assert operation.record
        return f"{{ {field}{literal(given)} {{ {selection(operation.record)} }} }}", {}

    def _edge(self, operation: Operation, field: str, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        assert operation.record
        parent, edge = field.split(".")
        named = {"id": given.get("id", given.get("projectId"))}
        return f"{{ {parent}{literal(named)} {{ {edge} {{ {selection(operation.record)} }} }} }}", {}

    def _connection(self, operation: Operation, field: str, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        assert operation.record
        *parents, edge = field.split(".")
        parent_id = given.pop("id", given.pop("projectId", None))
        page = {"first": given.pop("limit")} if "limit" in given else {}
        where = {"where": given} if given else {}
        inner = f"{edge}{literal(page | where)} {{ nodes {{ {selection(operation.record)} }} totalCount }}"
        for parent in parents:
            inner = f"{parent}{literal({'id': parent_id}) if parent_id else ''} {{ {inner} }}"
        return f"{{ {inner} }}", {}


MESSAGES = {
    "login": "accessToken refreshToken tokenType expiresIn user { id email }",
    "refreshToken": "accessToken refreshToken tokenType expiresIn user { id email }",
    "activateUsers": "affectedCount",
    "deactivateUsers": "affectedCount",
}
BARE = {"logoutAll", "cleanUpSessions"}


def selection(record: type[Record]) -> str:
    """Returns every field of a record, as a selection set names them."""
    return " ".join(camel(name) for name in record.__struct_fields__)


def literal(given: dict[str, Any], *, top: bool = True) -> str:
    """Returns arguments as a document writes them; words in capitals are enums."""
    if not given:
        return ""
    parts = [f"{key}: {_value(value)}" for key, value in given.items()]
    return f"({', '.join(parts)})" if top else f"{{{', '.join(parts)}}}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return literal(value, top=False)
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, str) and value.isupper() and value.isidentifier():
        return value
    return json.dumps(str(value) if isinstance(value, UUID) else value)


def camel(name: str) -> str:
    return re.sub("_(.)", lambda found: found[1].upper(), name)


def snake(value: Any) -> Any:
    """Returns a GraphQL value with the names and the enum words of REST."""
    if isinstance(value, dict):
        return {re.sub("([A-Z])", r"_\1", key).lower(): snake(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [snake(item) for item in value]
    return value.lower() if isinstance(value, str) and value.isupper() and value.isidentifier() else value
