"""Users, yourself, and sessions."""

from resolvers import sessions
from resolvers.domain import sessions as session_records
from resolvers.domain import users as records
from schema.connection import connection
from schema.dress import dressed
from schema.edges import edge
from schema.node import Node


@dressed(records.User)
class User(Node):
    pass


@dressed(session_records.Session)
class Session:
    user = edge(
        User | None,
        "Whose session it is.",
        key="user_id",
        loader=lambda asking: asking.users,
    )


@dressed(records.User, name="Viewer", says="Yourself: the user who asks.")
class Viewer:
    sessions = connection(sessions.search, Session, session_records.SessionFilter, "Your open sessions.", own=True)


@dressed(records.Stats)
class Stats:
    pass
