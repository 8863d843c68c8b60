"""Users: who they are, how they sign in, what administrators do with them."""

from typing import Annotated, Any, ClassVar

from msgspec import UNSET, Meta, UnsetType

from resolvers.domain.fields import (
    Count,
    Email,
    Id,
    Input,
    Line,
    Moment,
    NewPassword,
    Password,
    Record,
    Search,
    Time,
    Token,
    says,
)  # fmt: skip
from resolvers.domain.words import Word

EmailOfUser = Annotated[Email, says("The e-mail address to sign in with; unique in any case.")]
FirstName = Annotated[Line, says("The first name; 1 to 255 characters, trimmed.")]
LastName = Annotated[Line | None, says("The last name, for those who have one.")]
StrongPassword = Annotated[
    NewPassword, says("12 to 128 characters with lower and upper case, a digit and a sign; not a common one.")
]
IsActive = Annotated[bool, says("Whether the user can sign in.")]
IsSuperuser = Annotated[bool, says("Whether the user may do everything.")]


class User(Record, frozen=True):
    """A person, or a script, that can sign in."""

    id: Annotated[Id, says("The user's id.")]
    email: EmailOfUser
    first_name: FirstName
    last_name: Annotated[str | None, says("The last name, for those who have one.")]
    is_active: IsActive
    is_superuser: IsSuperuser
    version: Annotated[int, says("Raised by each change of the user, from 1.")]
    created_at: Annotated[Time, says("When the user registered.")]
    updated_at: Annotated[Time, says("When the user last changed.")]


class Register(Input, frozen=True):
    """What a new user says of themselves."""

    email: EmailOfUser
    password: StrongPassword
    first_name: FirstName
    last_name: LastName = None


class Login(Input, frozen=True):
    """What a user signs in with."""

    email: Annotated[str, Meta(max_length=1_000), says("The e-mail address of the account.")]
    password: Annotated[Password, says("The password of the account.")]
    device_name: Annotated[Line | None, says("What to call this sign-in in the list of sessions.")] = None


class RefreshToken(Input, frozen=True):
    """What a session goes on with."""

    refresh_token: Annotated[Token, says("The refresh token of the session; it is spent by its use.")]


class TokenPair(Record, frozen=True):
    """What a client speaks for a user with."""

    access_token: Annotated[str, says("Send it as `Authorization: Bearer …`.")]
    refresh_token: Annotated[str, says("Gets the next pair; can be used once.")]
    token_type: Annotated[str, says("Always `bearer`.")]
    expires_in: Annotated[int, says("How many seconds the access token holds.")]
    user: Annotated[User, says("Who signed in.")]


class UpdateViewer(Input, frozen=True):
    """What users can change of themselves; what is left out stays as it is."""

    email: Annotated[Email | UnsetType, says("The e-mail address to sign in with; unique in any case.")] = UNSET
    first_name: Annotated[Line | UnsetType, says("The first name; 1 to 255 characters, trimmed.")] = UNSET
    last_name: Annotated[Line | UnsetType | None, says("The last name, for those who have one.")] = UNSET


class ChangePassword(Input, frozen=True):
    """The old password and the new one."""

    current_password: Annotated[Password, says("The password up to now.")]
    new_password: StrongPassword


class CreateUser(Register, frozen=True):
    """What an administrator says of a new user."""

    is_active: Annotated[bool, says("Whether the user can sign in; true if left out.")] = True
    is_superuser: Annotated[bool, says("Whether the user may do everything; false if left out.")] = False


class UpdateUser(UpdateViewer, frozen=True):
    """What an administrator can change of a user; what is left out stays as it is."""

    password: Annotated[NewPassword | UnsetType, says("A new password; it ends all sessions of the user.")] = UNSET
    is_active: Annotated[bool | UnsetType, says("Whether the user can sign in.")] = UNSET
    is_superuser: Annotated[bool | UnsetType, says("Whether the user may do everything.")] = UNSET


class BulkAction(Word):
    """What can be done to several users at once."""

    ACTIVATE = "activate", "Let them sign in."
    DEACTIVATE = "deactivate", "End their sessions and let them sign in no more."
    DELETE = "delete", "Delete them."


UserIds = Annotated[list[Id], Meta(min_length=1, max_length=100)]


class SelectUsers(Input, frozen=True):
    """Which users."""

    user_ids: Annotated[UserIds, says("The users' ids, at most 100.")]


class BulkUserAction(SelectUsers, frozen=True):
    """What to do to which users."""

    action: Annotated[BulkAction, says("What to do.")]


class Affected(Record, frozen=True):
    """How many things an action has changed."""

    affected_count: Annotated[int, says("How many things changed.")]


class UserFilter(Input, frozen=True):
    """Which users to list."""

    sorts: ClassVar[dict[str, Any]] = {"created_at": Moment, "updated_at": Moment, "email": str}

    is_active: Annotated[
        bool | UnsetType, says("True for those only who can sign in, false for those only who can't.")
    ] = UNSET
    is_superuser: Annotated[bool | UnsetType, says("True for superusers only, false for others only.")] = UNSET
    search: Annotated[Search | UnsetType, says("Only users whose address or name contains this text.")] = UNSET


class Stats(Record, frozen=True):
    """How much there is of everything."""

    total_users: Annotated[Count, says("How many users there are.")]
    active_users: Annotated[Count, says("How many of them can sign in.")]
    superusers: Annotated[Count, says("How many of them are superusers.")]
    active_sessions: Annotated[Count, says("How many sessions are open.")]
    total_agent_types: Annotated[Count, says("How many agent types there are.")]
    active_agent_types: Annotated[Count, says("How many of them can be spawned.")]
    total_projects: Annotated[Count, says("How many projects there are.")]
    active_projects: Annotated[Count, says("How many of them are in use.")]
    total_agents: Annotated[Count, says("How many agents there are, terminated ones included.")]
    active_agents: Annotated[Count, says("How many agents are working or waiting.")]


class Viewer(Record, frozen=True):
    """Who asks: a signed-in user, through one session."""

    user: User
    session_id: Id
    expires_at: Time  # of the token that says so

    @property
    def id(self) -> Id:
        return self.user.id

    @property
    def is_superuser(self) -> bool:
        return self.user.is_superuser
