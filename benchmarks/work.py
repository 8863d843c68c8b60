"""The work that is measured: what is asked, through which door, and what of the answers must be the same for all."""

from collections.abc import Callable
from itertools import chain
from typing import NamedTuple
from uuid import UUID

from benchmarks.client import Request
from benchmarks.documents import LIST, ONE
from benchmarks.place import Facts

GRAPHQL, REST = "graphql", "rest"
API = "/api/v1"


def graphql(who: str, query: str, **variables: object) -> Request:
    given = {name: str(value) if isinstance(value, UUID) else value for name, value in variables.items()}
    return Request(who, "POST", "/graphql", {"query": query, "variables": given})


class Work(NamedTuple):
    """One item: its letter, its name, and the requests of one round, by door."""

    letter: str
    title: str
    doors: dict[str, Callable[[Facts, int], list[Request]]]
    # Each request takes one of the versions that agents have in all to the next, or makes an agent.
    writes: str | None = None
    # What differs from one contender to the next by nature.
    apart: frozenset[str] = frozenset()


def one_by_id(facts: Facts) -> list[UUID]:
    return facts.agents["list-1"]


def steps(facts: Facts, number: int) -> list[UUID]:
    """Returns the agents of a round, of all projects by turns: each is paused, and then each is resumed."""
    own = [ids for slug, ids in facts.agents.items() if slug.startswith("step-")]
    share = len(own[0]) // 16
    return list(chain(*zip(*(ids[number * share : (number + 1) * share] for ids in own), strict=True)))


WORK = (
    Work("a", "list of 100 agents, each with its type", {
        GRAPHQL: lambda facts, _: [graphql("ada", LIST, id=facts.projects["list-1"])],
    }),
    Work("b", "one agent by id", {
        GRAPHQL: lambda facts, _: [graphql("ada", ONE, id=agent) for agent in one_by_id(facts)],
        REST: lambda facts, _: [
            Request("ada", "GET", f"{API}/projects/{facts.projects['list-1']}/agents/{agent}")
            for agent in one_by_id(facts)
        ],
    }),
    Work("c", "REST list of 100 agents", {
        REST: lambda facts, _: [Request("ada", "GET", f"{API}/projects/{facts.projects['list-1']}/agents?limit=100")],
    }),
)  # fmt: skip
