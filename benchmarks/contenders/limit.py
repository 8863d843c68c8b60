"""The limit: a bare ASGI function that knows the answers' shapes, with asyncpg and orjson."""

import os
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any

import asyncpg
import jwt
import orjson

from benchmarks.documents import DASHBOARD, LIST, ONE

SECRET = os.environ["SECRET_KEY"]
HEADERS = [(b"content-type", b"application/json")]

WHO = """
SELECT u.* FROM users u JOIN sessions s ON s.user_id = u.id
WHERE s.id = $1 AND u.id = $2 AND s.revoked_at IS NULL AND s.expires_at > now() AND u.is_active AND u.deleted_at IS NULL
"""
SEEN = "EXISTS (SELECT 1 FROM project_members m WHERE m.project_id = a.project_id AND m.user_id = $2)"
AGENT = """
a.id::text AS "id", a.name AS "name", upper(a.status) AS "status", a.current_task AS "currentTask",
a.tasks_completed AS "tasksCompleted", a.tokens_used AS "tokensUsed", a.cost_incurred::text AS "costIncurred",
a.created_at AS "createdAt"
"""
LIST_SQL = f"""
SELECT {AGENT}, t.id::text AS kind, t.name AS kind_name, t.slug, t.primary_model, t.is_active
FROM agents a JOIN agent_types t ON t.id = a.agent_type_id
WHERE a.project_id = $1 AND {SEEN} ORDER BY a.created_at DESC, a.id DESC LIMIT 100
"""
ONE_SQL = f"SELECT {AGENT} FROM agents a WHERE a.id = $1 AND {SEEN}"
REST_SQL = f"""
SELECT a.id::text AS id, a.project_id::text AS project_id, a.agent_type_id::text AS agent_type_id,
       a.agent_type_revision, a.name, a.status, a.current_task, a.tasks_completed, a.tokens_used,
       a.cost_incurred::text AS cost_incurred, a.version, a.created_at, a.updated_at, a.last_activity_at, a.paused_at,
       a.terminated_at, count(*) OVER () AS total
FROM agents a WHERE a.project_id = $1 AND {SEEN} ORDER BY a.created_at DESC, a.id DESC LIMIT 100
"""
DASHBOARD_SQL = """
WITH place AS (
    SELECT p.id, p.name, p.status, p.created_at FROM projects p JOIN project_members m ON m.project_id = p.id
    WHERE m.user_id = $1 ORDER BY p.created_at DESC, p.id DESC LIMIT 10
)
SELECT place.id::text AS "id", place.name AS "name", upper(place.status) AS "status", sums.*
FROM place CROSS JOIN LATERAL (
    SELECT count(*) AS "totalInstances", count(*) FILTER (WHERE status IN ('working', 'waiting')) AS "activeInstances",
           count(*) FILTER (WHERE status = 'idle') AS "idleInstances",
           count(*) FILTER (WHERE status = 'paused') AS "pausedInstances",
           count(*) FILTER (WHERE status = 'terminated') AS "terminatedInstances",
           coalesce(sum(tasks_completed), 0)::bigint AS "totalTasksCompleted",
           coalesce(sum(tokens_used), 0)::bigint AS "totalTokensUsed",
           coalesce(sum(cost_incurred), 0)::numeric(38, 6)::text AS "totalCostIncurred"
    FROM agents a WHERE a.project_id = place.id
) sums ORDER BY place.created_at DESC, place.id DESC
"""
BELOW_SQL = """
SELECT a.* FROM unnest($1::uuid[]) WITH ORDINALITY AS place (id, number) CROSS JOIN LATERAL (
    SELECT project_id::text AS place, id::text AS "id", name AS "name", upper(status) AS "status",
           tasks_completed AS "tasksCompleted", tokens_used AS "tokensUsed", cost_incurred::text AS "costIncurred"
    FROM agents a WHERE project_id = place.id ORDER BY created_at DESC, id DESC LIMIT 20
) a ORDER BY place.number
"""
ACTIONS = {
    "idle": ["start", "pause", "terminate"],
    "working": ["wait", "finish", "pause", "terminate"],
    "waiting": ["start", "finish", "pause", "terminate"],
    "paused": ["resume", "terminate"],
    "terminated": [],
}


async def _connected(connection: Any) -> None:
    # Ids go out as text, and so are not made objects of.
    await connection.set_type_codec("uuid", schema="pg_catalog", encoder=str, decoder=str)


class Pool:
    """The connections, made with the first request."""

    pool: Any = None

    async def fetch(self, statement: str, *values: object) -> list[Any]:
        if self.pool is None:
            self.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], init=_connected, min_size=10, max_size=10)
        return await self.pool.fetch(statement, *values)


fetch = Pool().fetch


@lru_cache(maxsize=2_048)
def _claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, SECRET, ["HS256"], issuer="roster", options={"require": ["exp", "sub", "sid"]})


async def _who(headers: list[tuple[bytes, bytes]]) -> str | None:
    token = next((value[7:] for name, value in headers if name == b"authorization"), b"").decode()
    claims = _claims(token)
    found = await fetch(WHO, claims["sid"], claims["sub"])
    return claims["sub"] if found else None


async def _list(who: str, variables: dict[str, Any]) -> object:
    return {"project": {"agents": {"nodes": [_typed(row) for row in await fetch(LIST_SQL, variables["id"], who)]}}}


def _typed(row: Any) -> dict[str, Any]:
    agent = dict(row)
    kind, name, slug = agent.pop("kind"), agent.pop("kind_name"), agent.pop("slug")
    agent["agentType"] = {
        "id": kind, "name": name, "slug": slug,
        "primaryModel": agent.pop("primary_model"), "isActive": agent.pop("is_active"),
    }  # fmt: skip
    return agent


async def _one(who: str, variables: dict[str, Any]) -> object:
    rows = await fetch(ONE_SQL, variables["id"], who)
    return {"agent": dict(rows[0]) if rows else None}


async def _dashboard(who: str, _: dict[str, Any]) -> object:
    places = await fetch(DASHBOARD_SQL, who)
    below: dict[str, list[dict[str, Any]]] = {row["id"]: [] for row in places}
    for row in await fetch(BELOW_SQL, list(below)):
        agent = dict(row)
        below[agent.pop("place")].append(agent)
    nodes = []
    for row in places:
        metrics = dict(row)
        node = {name: metrics.pop(name) for name in ("id", "name", "status")}
        agents = {"totalCount": metrics["totalInstances"], "nodes": below[node["id"]]}
        nodes.append(node | {"metrics": metrics, "agents": agents})
    return {"projects": {"nodes": nodes}}


DOCUMENTS: dict[str, Callable[[str, dict[str, Any]], Awaitable[object]]] = {
    LIST: _list,
    ONE: _one,
    DASHBOARD: _dashboard,
}


async def _graphql(who: str, receive: Callable[[], Awaitable[Any]]) -> bytes:
    body = b""
    while (message := await receive())["more_body"]:
        body += message["body"]
    asked = orjson.loads(body + message["body"])
    data = await DOCUMENTS[asked["query"]](who, asked["variables"])
    return orjson.dumps({"data": data}, option=orjson.OPT_UTC_Z)


async def _rest(who: str, path: str) -> bytes:
    rows = await fetch(REST_SQL, path.split("/")[4], who)
    total, agents = rows[0]["total"], []
    for row in rows:
        agent = dict(row)
        del agent["total"]
        agent["allowed_actions"] = ACTIONS[agent["status"]]
        agents.append(agent)
    pages = -(-total // 100)
    page = {
        "total": total, "page": 1, "page_size": len(agents), "total_pages": pages,
        "has_next": pages > 1, "has_prev": False,
    }  # fmt: skip
    return orjson.dumps({"data": agents, "pagination": page}, option=orjson.OPT_UTC_Z)


async def app(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    """Answers what the bench asks, and nothing else."""
    if scope["type"] != "http":
        return
    who = await _who(scope["headers"])
    if who is None:
        await send({"type": "http.response.start", "status": 401, "headers": HEADERS})
        await send({"type": "http.response.body", "body": b"{}"})
        return
    graphql = scope["path"] == "/graphql"
    body = await _graphql(who, receive) if graphql else await _rest(who, scope["path"])
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS, length]})
    await send({"type": "http.response.body", "body": body})
