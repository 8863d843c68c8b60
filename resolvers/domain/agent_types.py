"""Agent types: what agents are spawned of, revision by revision."""

from typing import Annotated, Any, ClassVar

from msgspec import UNSET, UnsetType

from resolvers.domain.fields import Id, Input, Line, Lines, Moment, Prompt, Record, Search, Slug, Text, Time, says

# What an agent runs on: a change of any of these makes a new revision.
RUNS_ON = ("personality_prompt", "primary_model", "fallback_models", "model_params", "mcp_servers")

Params = dict[str, Any]


class AgentType(Record, frozen=True):
    """A kind of agent, defined by a platform team."""

    id: Annotated[Id, says("The type's id.")]
    name: Annotated[Line, says("What people call the type.")]
    slug: Annotated[Slug, says("The type's name in addresses; unique.")]
    description: Annotated[str | None, says("What the type is for.")]
    expertise: Annotated[list[str], says("What agents of this type are good at.")]
    personality_prompt: Annotated[str, says("The system prompt of agents of this type.")]
    primary_model: Annotated[str, says("The model that agents of this type ask first.")]
    fallback_models: Annotated[list[str], says("The models to ask, in this order, when the first fails.")]
    model_params: Annotated[Params, says("Parameters for the models, such as temperature.")]
    mcp_servers: Annotated[list[str], says("The MCP servers that agents of this type may use.")]
    is_active: Annotated[bool, says("Whether agents can be spawned of this type.")]
    revision: Annotated[int, says("Raised by each change of what an agent runs on, from 1.")]
    version: Annotated[int, says("Raised by each change of the type, from 1.")]
    instance_count: Annotated[int, says("How many agents were spawned of this type, in all projects.")]
    created_at: Annotated[Time, says("When the type was made.")]
    updated_at: Annotated[Time, says("When the type last changed.")]


class CreateAgentType(Input, frozen=True):
    """What a new type is made of."""

    name: Annotated[Line, says("What people call the type; 1 to 255 characters, trimmed.")]
    slug: Annotated[Slug, says("The type's name in addresses; unique.")]
    personality_prompt: Annotated[Prompt, says("The system prompt of agents of this type.")]
    primary_model: Annotated[Line, says("The model that agents of this type ask first.")]
    description: Annotated[Text | None, says("What the type is for.")] = None
    expertise: Annotated[Lines, says("What agents of this type are good at.")] = []
    fallback_models: Annotated[Lines, says("The models to ask, in this order, when the first fails.")] = []
    model_params: Annotated[Params, says("Parameters for the models, such as temperature.")] = {}
    mcp_servers: Annotated[Lines, says("The MCP servers that agents of this type may use.")] = []
    is_active: Annotated[bool, says("Whether agents can be spawned of this type; true if left out.")] = True


class UpdateAgentType(Input, frozen=True):
    """What can be changed of a type; what is left out stays as it is."""

    name: Annotated[Line | UnsetType, says("What people call the type; 1 to 255 characters, trimmed.")] = UNSET
    slug: Annotated[Slug | UnsetType, says("The type's name in addresses; unique.")] = UNSET
    personality_prompt: Annotated[Prompt | UnsetType, says("The system prompt of agents of this type.")] = UNSET
    primary_model: Annotated[Line | UnsetType, says("The model that agents of this type ask first.")] = UNSET
    description: Annotated[Text | UnsetType | None, says("What the type is for.")] = UNSET
    expertise: Annotated[Lines | UnsetType, says("What agents of this type are good at.")] = UNSET
    fallback_models: Annotated[Lines | UnsetType, says("The models to ask when the first fails.")] = UNSET
    model_params: Annotated[Params | UnsetType, says("Parameters for the models, such as temperature.")] = UNSET
    mcp_servers: Annotated[Lines | UnsetType, says("The MCP servers that agents of this type may use.")] = UNSET
    is_active: Annotated[bool | UnsetType, says("Whether agents can be spawned of this type.")] = UNSET


class AgentTypeFilter(Input, frozen=True):
    """Which types to list."""

    sorts: ClassVar[dict[str, Any]] = {"created_at": Moment, "updated_at": Moment, "name": str, "slug": str}

    is_active: Annotated[bool | UnsetType, says("True for active types only, false for inactive ones only.")] = UNSET
    search: Annotated[Search | UnsetType, says("Only types whose name or slug contains this text.")] = UNSET


class AgentTypeRevision(Record, frozen=True):
    """What agents of a type run on, as it stood at one revision."""

    agent_type_id: Annotated[Id, says("The type that this is a revision of.")]
    revision: Annotated[int, says("The number of the revision, from 1.")]
    personality_prompt: Annotated[str, says("The system prompt of agents on this revision.")]
    primary_model: Annotated[str, says("The model that they ask first.")]
    fallback_models: Annotated[list[str], says("The models to ask, in this order, when the first fails.")]
    model_params: Annotated[Params, says("Parameters for the models, such as temperature.")]
    mcp_servers: Annotated[list[str], says("The MCP servers that they may use.")]
    created_at: Annotated[Time, says("When the revision was made.")]
