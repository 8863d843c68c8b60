"""A small fleet to look at, made through the verbs, so that it is as real as any other."""

from typing import NamedTuple
from uuid import UUID

from resolvers import agent_types, agents, auth, members, projects, users
from resolvers.context import Context, Guest
from resolvers.domain.agent_types import CreateAgentType
from resolvers.domain.agents import SpawnAgent, TransitionAgent, UpdateAgent
from resolvers.domain.drafts import Draft
from resolvers.domain.errors import Code, Refusal
from resolvers.domain.projects import AddMember, CreateProject
from resolvers.domain.users import Login, Register

PEOPLE = (
    ("ada@example.com", "Ada", "Moreno"),
    ("ben@example.com", "Ben", "Okafor"),
    ("chloe@example.com", "Chloe", "Tanaka"),
)
TYPES: tuple[dict[str, object], ...] = (
    {
        "name": "Code Reviewer",
        "slug": "code-reviewer",
        "description": "Reads pull requests and says what could break.",
        "expertise": ["python", "sql", "security"],
        "personality_prompt": "You review code. Be brief, be kind, and name the line.",
        "primary_model": "claude-opus-4",
        "fallback_models": ["claude-sonnet-4"],
        "model_params": {"temperature": 0.2, "max_tokens": 4000},
        "mcp_servers": ["github", "ci"],
    },
    {
        "name": "Support Triage",
        "slug": "support-triage",
        "description": "Sorts tickets and answers the easy ones.",
        "expertise": ["support", "writing"],
        "personality_prompt": "You answer customers. Ask before you promise anything.",
        "primary_model": "claude-sonnet-4",
        "model_params": {"temperature": 0.5},
        "mcp_servers": ["helpdesk"],
    },
    {
        "name": "Data Analyst",
        "slug": "data-analyst",
        "description": "Turns questions into queries, and answers into charts.",
        "expertise": ["sql", "statistics"],
        "personality_prompt": "You answer with numbers, and say how sure you are.",
        "primary_model": "claude-sonnet-4",
        "mcp_servers": ["warehouse"],
    },
)
PROJECTS = (("Storefront", "storefront"), ("Platform", "platform"), ("Spring Campaign", "spring-campaign"))


class Cast(NamedTuple):
    """An agent of the demo: its project, type and name, the statuses that it goes through, and what it did."""

    project: str
    kind: str
    name: str
    path: str = ""
    task: str | None = None
    tasks: int = 0
    tokens: int = 0
    cost: str = "0"


FLEET = (
    Cast("storefront", "code-reviewer", "Review: checkout", "working", "PR 412: retry payments", 38, 912_400, "14.27"),
    Cast("storefront", "code-reviewer", "Review: search", "", None, 21, 488_120, "7.61"),
    Cast("storefront", "support-triage", "Tickets, Europe", "working waiting", "Ticket 9031", 204, 1_730_900, "8.94"),
    Cast("storefront", "support-triage", "Tickets, Asia", "working paused", "Ticket 9054", 187, 1_602_330, "8.12"),
    Cast("storefront", "data-analyst", "Weekly numbers", "working idle", None, 12, 240_015, "1.9"),
    Cast("platform", "code-reviewer", "Review: migrations", "working", "PR 97: split orders", 9, 301_442, "4.83"),
    Cast("platform", "data-analyst", "Capacity forecast", "paused", None, 3, 58_900, "0.47"),
    Cast("platform", "data-analyst", "Cost report", "working idle terminated", None, 1, 96_204, "0.77"),
    Cast("spring-campaign", "support-triage", "Inbox", "working idle terminated", None, 66, 512_870, "2.66"),
)  # fmt: skip


async def fill(guest: Guest, password: str) -> str:
    """Makes people, types, projects and agents in every status; returns how to sign in."""
    if not await projects.none(guest):
        raise Refusal(Code.CONFLICT, "There are projects already; the demo is for a database without any.")
    ada, ben, chloe = [await _person(guest, password, *person) for person in PEOPLE]
    kinds = {str(body["slug"]): await agent_types.create(ada, Draft(CreateAgentType, body)) for body in TYPES}
    places = {
        slug: await projects.create(ada, Draft(CreateProject, {"name": name, "slug": slug})) for name, slug in PROJECTS
    }
    for place in places.values():
        for person, role in ((ben, "operator"), (chloe, "viewer")):
            await members.add(ada, place.id, Draft(AddMember, {"user_id": str(person.who.id), "role": role}))
    for cast in FLEET:
        await _agent(ben, places[cast.project].id, kinds[cast.kind].id, cast)
    await projects.archive(ada, places["spring-campaign"].id)
    return (
        f"Made {len(PEOPLE)} people, {len(kinds)} agent types, {len(places)} projects and {len(FLEET)} agents.\n"
        f"Sign in as {PEOPLE[0][0]} (superuser), {PEOPLE[1][0]} (operator) or {PEOPLE[2][0]} (viewer)"
        f" with the password {password}"
    )


async def _person(guest: Guest, password: str, email: str, first_name: str, last_name: str) -> Context:
    new = {"email": email, "password": password, "first_name": first_name, "last_name": last_name}
    if email == PEOPLE[0][0]:
        await users.ensure_superuser(guest, Draft(Register, new))
    else:
        await auth.register(guest, Draft(Register, new))
    pair = await auth.login(guest, Draft(Login, {"email": email, "password": password, "device_name": "demo"}))
    return await auth.identify(guest, f"Bearer {pair.access_token}")


async def _agent(who: Context, project_id: UUID, kind_id: UUID, cast: Cast) -> None:
    new = Draft(SpawnAgent, {"agent_type_id": str(kind_id), "name": cast.name})
    agent = await agents.spawn(who, project_id, new)
    done = {"tasks_completed": cast.tasks, "tokens_used": cast.tokens, "cost_incurred": cast.cost}
    await agents.update_one(who, agent.id, Draft(UpdateAgent, {**done, "current_task": cast.task}))
    for status in cast.path.split():
        await agents.transition(who, agent.id, Draft(TransitionAgent, {"to": status}))
