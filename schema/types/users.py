"""Users, yourself, and sessions."""

import strawberry

from resolvers import sessions
from resolvers.domain import sessions as session_records
from resolvers.domain import users as records
from schema.connection import connection
from schema.context import Info
from schema.dress import dressed, worn
from schema.node import Node


@dressed(records.User)
class User(Node):
    pass


@dressed(session_records.Session)
class Session:
    @strawberry.field(description="Whose session it is.")
    async def user(root: strawberry.Parent[session_records.Session], info: Info) -> User | None:
        return worn(await info.context.users.load(root.user_id))


@dressed(records.User, name="Viewer", says="Yourself: the user who asks.")
class Viewer:
    sessions = connection(sessions.search, Session, session_records.SessionFilter, "Your open sessions.", own=True)


@dressed(records.Stats)
class Stats:
    pass
