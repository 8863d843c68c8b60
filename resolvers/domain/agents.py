"""Agents: the record, its inputs, its metrics."""

from decimal import Decimal
from typing import Annotated, Any, ClassVar

from msgspec import UNSET, Meta, UnsetType

from resolvers.domain.fields import Cost, Count, Id, Input, Line, Moment, Record, Search, Text, Time, says
from resolvers.domain.lifecycle import ACTIVE, Action, Status

NameOfAgent = Annotated[Line, says("What people call the agent; 1 to 255 characters, trimmed.")]


class Agent(Record, frozen=True):
    """An agent of a type, at work in a project."""

    id: Annotated[Id, says("The agent's id.")]
    project_id: Annotated[Id, says("The project that the agent works in.")]
    agent_type_id: Annotated[Id, says("The type that the agent was spawned of.")]
    agent_type_revision: Annotated[int, says("The revision of the type that the agent runs on, from 1.")]
    name: NameOfAgent
    status: Annotated[Status, says("What the agent is doing now.")]
    allowed_actions: Annotated[list[Action], says("The steps that the agent's status allows now.")]
    current_task: Annotated[str | None, says("What the agent says that it works on.")]
    tasks_completed: Annotated[Count, says("How many tasks the agent has finished.")]
    tokens_used: Annotated[Count, says("How many tokens the agent has used.")]
    cost_incurred: Annotated[Decimal, says("What the agent has cost, in US dollars, exact to six decimal places.")]
    version: Annotated[int, says("Raised by each change of the agent, from 1.")]
    created_at: Annotated[Time, says("When the agent was spawned.")]
    updated_at: Annotated[Time, says("When the agent last changed.")]
    last_activity_at: Annotated[Time | None, says("When the agent last took a step or reported its work.")]
    paused_at: Annotated[Time | None, says("Since when the agent is paused; null when it is not.")]
    terminated_at: Annotated[Time | None, says("When the agent was terminated; null when it was not.")]


class SpawnAgent(Input, frozen=True):
    """What a new agent is made of."""

    agent_type_id: Annotated[Id, says("The type to spawn; it must be active.")]
    name: NameOfAgent
    project_id: Annotated[Id | UnsetType, says("The project of the address, where a client repeats it.")] = UNSET


class UpdateAgent(Input, frozen=True):
    """What can be changed of an agent; what is left out stays as it is."""

    name: Annotated[Line | UnsetType, says("What people call the agent; 1 to 255 characters, trimmed.")] = UNSET
    current_task: Annotated[Text | UnsetType | None, says("What the agent works on; null when on nothing.")] = UNSET
    tasks_completed: Annotated[Count | UnsetType, says("How many tasks the agent has finished in all.")] = UNSET
    tokens_used: Annotated[Count | UnsetType, says("How many tokens the agent has used in all.")] = UNSET
    cost_incurred: Annotated[Cost | UnsetType, says("What the agent has cost in all, in US dollars.")] = UNSET


class TransitionAgent(Input, frozen=True):
    """Where an agent is to go."""

    to: Annotated[Status, says("The status that the agent is to have.")]


class AgentFilter(Input, frozen=True):
    """Which agents to list."""

    sorts: ClassVar[dict[str, Any]] = {
        "created_at": Moment, "updated_at": Moment, "name": str,
    }  # fmt: skip

    status: Annotated[
        Annotated[list[Status], Meta(max_length=5)] | UnsetType, says("Only agents in one of these statuses.")
    ] = UNSET
    agent_type_id: Annotated[Id | UnsetType, says("Only agents of this type.")] = UNSET
    search: Annotated[Search | UnsetType, says("Only agents whose name contains this text, in any case.")] = UNSET


class AgentMetrics(Record, frozen=True):
    """Counts and sums over agents: one of them, or all of a project."""

    total_instances: Annotated[Count, says("How many agents there are, terminated ones included.")]
    active_instances: Annotated[Count, says("How many of them are working or waiting.")]
    idle_instances: Annotated[Count, says("How many of them are idle.")]
    paused_instances: Annotated[Count, says("How many of them are paused.")]
    terminated_instances: Annotated[Count, says("How many of them are terminated.")]
    total_tasks_completed: Annotated[Count, says("How many tasks they have finished.")]
    total_tokens_used: Annotated[Count, says("How many tokens they have used.")]
    total_cost_incurred: Annotated[Decimal, says("What they have cost, in US dollars.")]


def metrics_of(agent: Agent) -> AgentMetrics:
    """Returns the metrics of a single agent."""
    return AgentMetrics(
        total_instances=1,
        active_instances=int(agent.status in ACTIVE),
        idle_instances=int(agent.status is Status.IDLE),
        paused_instances=int(agent.status is Status.PAUSED),
        terminated_instances=int(agent.status is Status.TERMINATED),
        total_tasks_completed=agent.tasks_completed,
        total_tokens_used=agent.tokens_used,
        total_cost_incurred=agent.cost_incurred,
    )
