"""What can be read: one line a root field."""

import asyncio
from collections.abc import Awaitable
from typing import Annotated, Any, TypeVar

import strawberry
from strawberry import UNSET

from resolvers import agent_types, nodes, projects, sessions, users
from resolvers.context import Context
from resolvers.domain import agent_types as type_records
from resolvers.domain import projects as project_records
from resolvers.domain import sessions as session_records
from resolvers.domain import users as user_records
from resolvers.domain.errors import Code, Refusal
from resolvers.domain.ids import known_id
from resolvers.domain.limits import PAGE
from resolvers.domain.paging import MAX_LIMIT
from schema.connection import connection
from schema.context import Asking, Info
from schema.dress import or_none, worn
from schema.executor.loader import Loader
from schema.node import Node
from schema.types.agent_types import AgentType
from schema.types.agents import Agent
from schema.types.projects import Project
from schema.types.users import Session, Stats, User, Viewer

T = TypeVar("T")

Id = Annotated[strawberry.ID, strawberry.argument(description="The id.")]
MaybeId = Annotated[strawberry.ID | None, strawberry.argument(description="The id; give it or the slug.")]
MaybeSlug = Annotated[str | None, strawberry.argument(description="The slug; give it or the id.")]
Ids = Annotated[list[strawberry.ID], strawberry.argument(description=f"The ids, at most {MAX_LIMIT}.")]


@strawberry.type(description="What can be read. What is not yours to see is null.")
class Query:
    @strawberry.field(description="Yourself: the user who asks.")
    async def viewer(self, info: Info) -> Viewer:
        return worn((await info.context.signed_in()).who.user)

    @strawberry.field(description="Whatever has this id.")
    async def node(self, info: Info, id: Id) -> Node | None:
        return (await _nodes(info.context, [id]))[0]

    @strawberry.field(description="Whatever has these ids, in their order.")
    async def nodes(self, info: Info, ids: Ids) -> list[Node | None]:
        return await _nodes(info.context, ids)

    @strawberry.field(description="One agent.")
    async def agent(self, info: Info, id: Id) -> Agent | None:
        return await _load(info.context, info.context.agents, id)

    @strawberry.field(description="One agent type.")
    async def agent_type(self, info: Info, id: MaybeId = UNSET, slug: MaybeSlug = UNSET) -> AgentType | None:
        ctx = await info.context.signed_in()
        if _only_slug(id, slug):
            return await _or_null(agent_types.get_by_slug(ctx, slug or ""))
        return await _load(info.context, info.context.agent_types, id or "")

    @strawberry.field(description="One project.")
    async def project(self, info: Info, id: MaybeId = UNSET, slug: MaybeSlug = UNSET) -> Project | None:
        ctx = await info.context.signed_in()
        if _only_slug(id, slug):
            return await _or_null(projects.get_by_slug(ctx, slug or ""))
        return await _load(info.context, info.context.projects, id or "")

    @strawberry.field(description="One user: yourself, someone of your projects, or anyone for superusers.")
    async def user(self, info: Info, id: Id) -> User | None:
        return await _load(info.context, info.context.users, id)

    @strawberry.field(description="How much there is of everything; for superusers.")
    async def stats(self, info: Info) -> Stats | None:
        return worn(await users.stats(await info.context.signed_in()))

    agent_types = connection(
        agent_types.search, AgentType, type_records.AgentTypeFilter, "All agent types, inactive ones too."
    )
    projects = connection(projects.search, Project, project_records.ProjectFilter, "The projects that you can see.")
    users = connection(users.search, User, user_records.UserFilter, "All users; for superusers.", may_fail=True)
    sessions = connection(
        sessions.search, Session, session_records.SessionFilter, "All open sessions; for superusers.", may_fail=True
    )


async def _nodes(asking: Asking, ids: list[strawberry.ID]) -> list[Any]:
    ctx: Context = await asking.signed_in()
    if len(ids) > MAX_LIMIT:
        too_many = f"At most {MAX_LIMIT} ids can be asked for at once."
        raise Refusal(Code.VALIDATION_FAILED, too_many, field="ids", limit=PAGE.name)
    loaders: dict[str, Loader[Any, Any]] = {
        "Agent": asking.agents, "AgentType": asking.agent_types, "Project": asking.projects, "User": asking.users,
    }  # fmt: skip
    wanted = [await _or_null(_known(text)) for text in ids]
    kinds = await nodes.kinds(ctx, [known for known in wanted if known])
    there = [known for known in wanted if known in kinds]
    found = dict(zip(there, await asyncio.gather(*(loaders[kinds[known]].load(known) for known in there)), strict=True))
    return [found.get(known) for known in wanted]


async def _load(asking: Asking, loader: Loader[Any, Any], text: str) -> Any:
    await asking.signed_in()
    known = await _or_null(_known(text))
    return await loader.load(known) if known else None


async def _known(text: str) -> Any:
    return known_id(text)


async def _or_null(found: Awaitable[Any]) -> Any:
    try:
        return await found
    except Refusal as refusal:
        if refusal.code is Code.NOT_FOUND:
            return None
        raise


def _only_slug(id: str | None, slug: str | None) -> bool:
    if (or_none(id) is None) == (or_none(slug) is None):
        raise Refusal(Code.VALIDATION_FAILED, "Give either the id or the slug.", field="id")
    return or_none(id) is None
