"""What can be watched: one line a root field."""

from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry
from strawberry import UNSET

from resolvers import events
from resolvers.domain.ids import known_id
from schema.context import Info
from schema.dress import or_none, worn
from schema.types.events import Event

ProjectId = Annotated[strawberry.ID, strawberry.argument(description="The project.")]
AgentId = Annotated[strawberry.ID | None, strawberry.argument(description="Only this agent.")]
After = Annotated[
    str | None,
    strawberry.argument(
        description="Begin with what came after this `cursor` of an event; or else with what comes now."
    ),
]


@strawberry.type(description="What can be watched, over graphql-transport-ws or server-sent events.")
class Subscription:
    """What can be watched."""

    @strawberry.subscription(description="What happens to the agents of a project, or to one of them, as it happens.")
    async def agent_events(
        self, info: Info, project_id: ProjectId, agent_id: AgentId = UNSET, after: After = UNSET
    ) -> AsyncGenerator[Event, None]:
        ctx = await info.context.signed_in()
        agent_id, after = or_none(agent_id), or_none(after)
        agent = None if agent_id is None else known_id(agent_id)
        async with events.follow(ctx, known_id(project_id), agent_id=agent, after=after) as following:
            async for event in following:
                info.context.start_over()
                yield worn(event)
