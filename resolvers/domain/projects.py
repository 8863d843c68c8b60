"""Projects and their members."""

from typing import Annotated, Any, ClassVar

from msgspec import UNSET, UnsetType

from resolvers.domain.fields import Id, Input, Line, Moment, Record, Search, Slug, Text, Time, says
from resolvers.domain.permissions import Role
from resolvers.domain.words import Word


class ProjectStatus(Word):
    """Whether a project is in use."""

    ACTIVE = "active", "In use."
    ARCHIVED = "archived", "Put away: agents are neither spawned nor moved, save that they can be terminated."


class Project(Record, frozen=True):
    """A place where agents work, with the people who look after them."""

    id: Annotated[Id, says("The project's id.")]
    name: Annotated[Line, says("What people call the project.")]
    slug: Annotated[Slug, says("The project's name in addresses; unique.")]
    description: Annotated[str | None, says("What the project is for.")]
    status: Annotated[ProjectStatus, says("Whether the project is in use.")]
    viewer_role: Annotated[Role | None, says("Your own role in the project; null for a superuser from outside.")]
    version: Annotated[int, says("Raised by each change of the project, from 1.")]
    created_at: Annotated[Time, says("When the project was made.")]
    updated_at: Annotated[Time, says("When the project last changed.")]
    archived_at: Annotated[Time | None, says("When the project was archived; null when it is not.")]


class CreateProject(Input, frozen=True):
    """What a new project is made of."""

    name: Annotated[Line, says("What people call the project; 1 to 255 characters, trimmed.")]
    slug: Annotated[Slug, says("The project's name in addresses; unique.")]
    description: Annotated[Text | None, says("What the project is for.")] = None


class UpdateProject(Input, frozen=True):
    """What can be changed of a project; what is left out stays as it is."""

    name: Annotated[Line | UnsetType, says("What people call the project; 1 to 255 characters, trimmed.")] = UNSET
    slug: Annotated[Slug | UnsetType, says("The project's name in addresses; unique.")] = UNSET
    description: Annotated[Text | UnsetType | None, says("What the project is for.")] = UNSET
    status: Annotated[ProjectStatus | UnsetType, says("Whether the project is in use.")] = UNSET


class ProjectFilter(Input, frozen=True):
    """Which projects to list."""

    sorts: ClassVar[dict[str, Any]] = {"created_at": Moment, "updated_at": Moment, "name": str, "slug": str}

    status: Annotated[ProjectStatus | UnsetType, says("Only projects with this status.")] = UNSET
    search: Annotated[Search | UnsetType, says("Only projects whose name or slug contains this text.")] = UNSET


class Member(Record, frozen=True):
    """A user's place in a project."""

    key: ClassVar[str] = "user_id"

    project_id: Annotated[Id, says("The project that the user belongs to.")]
    user_id: Annotated[Id, says("The user who belongs to it.")]
    email: Annotated[str, says("The user's e-mail address.")]
    first_name: Annotated[str, says("The user's first name.")]
    last_name: Annotated[str | None, says("The user's last name.")]
    role: Annotated[Role, says("What the user is to the project.")]
    version: Annotated[int, says("Raised by each change of the membership, from 1.")]
    created_at: Annotated[Time, says("When the user joined.")]
    updated_at: Annotated[Time, says("When the membership last changed.")]


class AddMember(Input, frozen=True):
    """Who joins a project, and as what."""

    user_id: Annotated[Id, says("The user who joins.")]
    role: Annotated[Role, says("What the user is to the project.")]


class UpdateMember(Input, frozen=True):
    """What can be changed of a membership."""

    role: Annotated[Role, says("What the user is to the project from now on.")]


class MemberFilter(Input, frozen=True):
    """Which members to list."""

    sorts: ClassVar[dict[str, Any]] = {"created_at": Moment, "email": str}

    role: Annotated[Role | UnsetType, says("Only members with this role.")] = UNSET
