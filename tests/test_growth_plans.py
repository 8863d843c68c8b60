"""Plans: among many agents, every list, total and metric is read through an index, whatever is asked for."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import pytest

from resolvers import agent_types, agents, events, members, metrics, projects, sessions, users
from resolvers.context import Context, Guest
from resolvers.domain.agent_types import AgentTypeFilter
from resolvers.domain.agents import AgentFilter
from resolvers.domain.drafts import Query
from resolvers.domain.events import EventFilter, LogQuery, ProjectEventFilter
from resolvers.domain.lifecycle import Status
from resolvers.domain.paging import ConnectionList, NumberedList, Sort, pack_cursor
from resolvers.domain.projects import MemberFilter, ProjectFilter
from resolvers.domain.sessions import SessionFilter
from resolvers.domain.users import UserFilter
from resolvers.store.engine import Connection, Store
from resolvers.store.feed import Feed
from resolvers.store.migrate import migrate
from tests.conftest import _drop, _recreate, named
from tests.factories import Factory

LARGE = {"agents", "events"}
FILL = """
    INSERT INTO projects (id, name, slug) SELECT gen_random_uuid(), 'P', 'p-' || n FROM generate_series(0, 39) AS n;
    INSERT INTO agent_types (id, name, slug, expertise, personality_prompt, primary_model, fallback_models,
        model_params, mcp_servers, is_active)
    SELECT gen_random_uuid(), 'T', 't-' || n, '{}', 'p', 'm', '{}', '{}', '{}', true FROM generate_series(0, 4) AS n;
    INSERT INTO agent_type_revisions (agent_type_id, revision, personality_prompt, primary_model, fallback_models,
        model_params, mcp_servers) SELECT id, 1, 'p', 'm', '{}', '{}', '{}' FROM agent_types;
    INSERT INTO agents (id, project_id, agent_type_id, agent_type_revision, name, status, created_at)
    SELECT gen_random_uuid(), p.id, t.id, 1, 'Agent ' || n, (ARRAY['idle', 'working', 'waiting'])[1 + n / 7 % 3],
        now() - n * interval '1 second'
    FROM generate_series(1, 30000) AS n
    JOIN projects AS p ON p.slug = 'p-' || (n % 2) * (n % 40) JOIN agent_types AS t ON t.slug = 't-' || n / 3 % 5;
    INSERT INTO events (id, kind, project_id, subject_id, data)
    SELECT gen_random_uuid(), 'agent.spawned', project_id, id, '{}' FROM agents;
    INSERT INTO project_members (project_id, user_id, role)
    SELECT projects.id, users.id, 'viewer' FROM projects, users
    WHERE NOT is_superuser AND slug IN ('p-0', 'p-1', 'p-2');
"""


class Crowd(NamedTuple):
    """Many agents: who looks at them, and where."""

    root: Context
    viewer: Context
    project: UUID
    few: list[UUID]
    kind: UUID
    agent: Any


@pytest.fixture(scope="module")
async def crowd(server: str, worker_id: str, everyone: Guest) -> AsyncIterator[Crowd]:
    """A database of its own with 30,000 agents, half of them in one of 40 projects."""
    name = f"crowd_{worker_id}"
    await _recreate(server, name)
    store = Store(named(server, name), 2)
    await migrate(store)
    guest = Guest(store, everyone.keys, everyone.hasher, Feed(store), everyone.rates, everyone.client)
    root, viewer = await Factory(guest).users({"is_superuser": True}, {})
    async with store.read() as db:
        await db.driver.execute(FILL)
        await db.driver.execute("ANALYZE")
        ids = [row[0] for row in await db.driver.fetch("SELECT id FROM projects WHERE slug < 'p-3' ORDER BY slug")]
        kind = await db.driver.fetchval("SELECT id FROM agent_types WHERE slug = 't-2'")
    [agent] = (await agents.search(viewer, ids[0], NumberedList(AgentFilter, {"page": "50", "limit": "1"}))).items
    yield Crowd(root, viewer, ids[0], ids[:10], kind, agent)
    await guest.close()
    await _drop(server, name)


def after(crowd: Crowd, sort: str) -> str:
    return pack_cursor(crowd.agent, Sort(sort.removeprefix("-"), sort.startswith("-")))


SORTS = [f"{minus}{name}" for name in AgentFilter.sorts for minus in ("", "-")]
ASKED: dict[str, Callable[[Crowd], Awaitable[object]]] = {
    **{
        f"agents by {sort}": lambda it, sort=sort: agents.search(
            it.viewer, it.project, NumberedList(AgentFilter, {"sort": sort, "limit": "100"})
        )
        for sort in SORTS
    },
    **{
        f"agents by {sort} after a cursor": lambda it, sort=sort: agents.in_projects(
            it.viewer, it.few, ConnectionList(AgentFilter, {"order_by": sort, "first": 100, "after": after(it, sort)})
        )
        for sort in SORTS
    },
    "the last agents": lambda it: agents.in_projects(it.viewer, it.few, ConnectionList(AgentFilter, {"last": 100})),
    **{
        f"agents that are {' or '.join(some)}": lambda it, some=some: agents.search(
            it.viewer, it.project, NumberedList(AgentFilter, {"status": some})
        )
        for some in (["idle"], ["idle", "paused"], [*Status])
    },
    "agents of a type": lambda it: agents.search(
        it.viewer, it.project, NumberedList(AgentFilter, {"agent_type_id": str(it.kind)})
    ),
    "idle agents of a type": lambda it: agents.search(
        it.viewer, it.project, NumberedList(AgentFilter, {"agent_type_id": str(it.kind), "status": ["idle"]})
    ),
    **{
        f"a type's agents for a {who}": lambda it, who=who: agents.of_types(
            getattr(it, who), [it.kind], ConnectionList(AgentFilter, {"first": 100, "total": True})
        )
        for who in ("root", "viewer")
    },
    "some agents": lambda it: agents.by_ids(it.viewer, [it.agent.id, it.kind]),
    "metrics": lambda it: metrics.of_projects(it.viewer, it.few),
    "types": lambda it: agent_types.search(it.viewer, NumberedList(AgentTypeFilter, {})),
    "projects": lambda it: projects.search(it.viewer, NumberedList(ProjectFilter, {})),
    "all projects": lambda it: projects.search(it.root, NumberedList(ProjectFilter, {})),
    "members": lambda it: members.search(it.viewer, it.project, NumberedList(MemberFilter, {})),
    "users": lambda it: users.search(it.root, NumberedList(UserFilter, {})),
    "sessions": lambda it: sessions.search(it.root, NumberedList(SessionFilter, {})),
    "stats": lambda it: users.stats(it.root),
    "an agent's events": lambda it: events.of_agent(it.viewer, it.agent.id, NumberedList(EventFilter, {})),
    "a project's events": lambda it: events.of_project(it.viewer, it.project, Query(LogQuery, {"limit": "100"})),
    "an agent's part of the log": lambda it: events.of_project(
        it.viewer, it.project, Query(LogQuery, {"agent_id": str(it.agent.id)})
    ),
    "the last events": lambda it: events.of_projects(
        it.viewer, it.few, ConnectionList(ProjectEventFilter, {"last": 100})
    ),
}
# What an agent went through is counted, one by one; it is not much.
COUNTED = {"an agent's events"}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[Any, ...]]]:
    """The statements that are sent while the test runs, with their values."""
    noted, run = [], Connection._run

    async def noting(self, send, text: str, *values):
        noted.append((text, values))
        return await run(self, send, text, *values)

    monkeypatch.setattr(Connection, "_run", noting)
    return noted


async def plans(db: asyncpg.Connection, text: str, values: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Returns how a statement runs with these values, and how it runs with any."""
    own = await db.fetchval(f"EXPLAIN (FORMAT JSON) {text}", *values)
    await db.execute(f"PREPARE any_values AS {text}")
    async with db.transaction():
        await db.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        nulls = f"({', '.join(['NULL'] * len(values))})" if values else ""
        generic = await db.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE any_values{nulls}")
    await db.execute("DEALLOCATE any_values")
    return [json.loads(plan)[0]["Plan"] for plan in (own, generic)]


def nodes(plan: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """Yields each node of a plan, with what stands above it."""
    yield plan, above
    for below in plan.get("Plans", []):
        yield from nodes(below, (*above, plan["Node Type"]))


def walks(plan: dict[str, Any], *, counts: bool) -> list[str]:
    """Returns what goes through more of agents or events than it hands on."""
    found = []
    for node, above in nodes(plan):
        if node.get("Relation Name") not in LARGE:
            continue
        # A page ends where it is full; what takes all of its input stands between that end and the rows.
        since = above[len(above) - above[::-1].index("Limit") :] if "Limit" in above else above
        greedy = {"Sort", "Incremental Sort", "Aggregate", "HashAggregate"} - ({"Aggregate"} if counts else set())
        if "Seq" in node["Node Type"] or "Bitmap" in node["Node Type"] or ("Limit" in above and greedy & {*since}):
            found.append(f"{' > '.join(above)} > {node['Node Type']} on {node['Relation Name']}")
        elif "Limit" not in above and not counts and "Aggregate" in above:
            found.append(f"{' > '.join(above)} counts {node['Relation Name']}")
    return found


@pytest.mark.parametrize("what", ASKED)
async def test_it_is_read_through_an_index(what: str, crowd: Crowd, sent: list[tuple[str, tuple[Any, ...]]]):
    await ASKED[what](crowd)
    reads = [one for one in sent if "FROM" in one[0]]

    assert reads
    async with crowd.root.store.read() as db:
        for text, values in reads:
            for plan in await plans(db.driver, text, values):
                assert walks(plan, counts=what in COUNTED) == [], text


async def test_a_walk_through_all_agents_would_be_seen(crowd: Crowd):
    async with crowd.root.store.read() as db:
        for text in (
            "SELECT count(*) FROM agents",
            "SELECT * FROM agents ORDER BY tokens_used LIMIT 10",
            "SELECT sum(tokens_used) FROM agents WHERE project_id = '00000000-0000-0000-0000-000000000000'",
        ):
            for plan in await plans(db.driver, text, ()):
                assert walks(plan, counts=False)
