"""The work that is measured: what is asked, through which door, and what of the answers must be the same for all."""

from collections.abc import Callable
from itertools import chain
from typing import NamedTuple
from uuid import UUID

from benchmarks.client import Request
from benchmarks.documents import DASHBOARD, LIST, ONE, SPAWN, STEP
from benchmarks.place import Facts
from benchmarks.seed import PASSWORD, STEPPING

GRAPHQL, REST = "graphql", "rest"
API = "/api/v1"


def graphql(who: str, query: str, **variables: object) -> Request:
    given = {name: str(value) if isinstance(value, UUID) else value for name, value in variables.items()}
    return Request(who, "POST", "/graphql", {"query": query, "variables": given})


class Work(NamedTuple):
    """One item: its letter, its name, and who makes the requests of a round, by door."""

    letter: str
    title: str
    doors: dict[str, Callable[[Facts, int], list[Request]]]
    # What counts the rows that were written: one more for each request.
    writes: str | None = None
    # What differs from one contender to the next by nature.
    apart: frozenset[str] = frozenset()

    def sample(self, door: str, facts: Facts) -> list[Request]:
        """Returns two requests to compare the answers of; the second takes back what the first does."""
        requests = self.doors[door](facts, SAMPLE)
        return [requests[0], requests[len(requests) // 2]]


SAMPLE, ROUNDS = 0, 15  # the round that no load takes, and how many there are agents to pause for


def _list(facts: Facts, _: int) -> list[Request]:
    return [graphql("ada", LIST, id=facts.projects["list-1"])]


def _rest_list(facts: Facts, _: int) -> list[Request]:
    return [Request("ada", "GET", f"{API}/projects/{facts.projects['list-1']}/agents?limit=100")]


def _one(facts: Facts, _: int) -> list[Request]:
    return [graphql("ada", ONE, id=agent) for agent in facts.agents["list-1"]]


def _rest_one(facts: Facts, _: int) -> list[Request]:
    place = f"{API}/projects/{facts.projects['list-1']}/agents"
    return [Request("ada", "GET", f"{place}/{agent}") for agent in facts.agents["list-1"]]


def _stepping(facts: Facts, part: int) -> list[tuple[str, UUID, UUID]]:
    """Returns (action, project, agent): each agent of a part is paused, and after all of them each is resumed."""
    own = {facts.projects[slug]: ids for slug, ids in facts.agents.items() if slug.startswith("step-")}
    share = STEPPING // (2 * (ROUNDS + 1))
    some = [[(project, agent) for agent in ids[part * share :][:share]] for project, ids in own.items()]
    mixed = list(chain(*zip(*some, strict=True)))
    return [(action, *place) for action in ("pause", "resume") for place in mixed]


# No two rounds, and no two doors, share an agent: what was under way when a load ended is in no state to be sure of.
def _steps(facts: Facts, number: int) -> list[Request]:
    return [graphql("ada", STEP % action, id=agent) for action, _, agent in _stepping(facts, number * 2)]


def _rest_steps(facts: Facts, number: int) -> list[Request]:
    place = API + "/projects/{}/agents/{}/{}"
    moves = _stepping(facts, number * 2 + 1)
    return [Request("ada", "POST", place.format(project, agent, action)) for action, project, agent in moves]


def spawning(facts: Facts) -> list[UUID]:
    """Returns the projects to spawn in."""
    return [project for slug, project in facts.projects.items() if slug.startswith("spawn-")]


def _spawns(facts: Facts, _: int) -> list[Request]:
    new = {"name": "Newcomer", "agentTypeId": str(facts.types[0])}
    return [graphql("ada", SPAWN, input={**new, "projectId": str(project)}) for project in spawning(facts)]


def _rest_spawns(facts: Facts, _: int) -> list[Request]:
    return [rest_spawn(facts, project) for project in spawning(facts)]


def rest_spawn(facts: Facts, project: UUID) -> Request:
    new = {"name": "Newcomer", "agent_type_id": str(facts.types[0])}
    return Request("ada", "POST", f"{API}/projects/{project}/agents", new)


def login(_: Facts, __: int) -> list[Request]:
    return [Request("", "POST", f"{API}/auth/login", {"email": "ada@example.com", "password": PASSWORD})]


def _dashboard(_: Facts, __: int) -> list[Request]:
    return [graphql("ben", DASHBOARD)]


VERSIONS = "SELECT sum(version) FROM agents"
MOVED = frozenset({"updated_at", "last_activity_at", "paused_at"})
NEW = MOVED | {"id", "created_at"}
TOKENS = frozenset({"access_token", "refresh_token", "expires_in"})

WORK = (
    Work("a", "a list of 100 agents, each with its type", {GRAPHQL: _list}),
    Work("b", "one agent by id", {GRAPHQL: _one, REST: _rest_one}),
    Work("c", "a list of 100 agents", {REST: _rest_list}),
    Work("d", "pausing and resuming agents", {GRAPHQL: _steps, REST: _rest_steps}, VERSIONS, MOVED),
    Work("e", "spawning agents", {GRAPHQL: _spawns, REST: _rest_spawns}, "SELECT count(*) FROM agents", NEW),
    Work("f", "signing in", {REST: login}, "SELECT count(*) FROM sessions", TOKENS),
    Work("g", "a dashboard: 10 projects with their metrics, totals and 20 agents each", {GRAPHQL: _dashboard}),
)
