"""Who may do what in a project, as one table."""

from resolvers.domain.words import Word


class Role(Word):
    """What a member is to a project."""

    VIEWER = "viewer", "Reads, and changes nothing."
    OPERATOR = "operator", "Reads; spawns, changes and moves agents."
    OWNER = "owner", "Does all that; changes the project and its members."


class Right(Word):
    """What a role can allow."""

    READ = "read", "See the project and all that is in it."
    OPERATE = "operate", "Spawn, change and move agents."
    MANAGE = "manage", "Change the project and its members."


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.READ}),
    Role.OPERATOR: frozenset({Right.READ, Right.OPERATE}),
    Role.OWNER: frozenset({Right.READ, Right.OPERATE, Right.MANAGE}),
}

# Superusers do everything: in each project they have the rights of this role.
SUPERUSER_ROLE = Role.OWNER


def roles_with(right: Right) -> list[Role]:
    """Returns the roles that have a right."""
    return [role for role, rights in RIGHTS.items() if right in rights]


def needs(right: Right) -> str:
    """Returns the sentence for one who lacks the right."""
    return f"This needs the role {' or '.join(roles_with(right))} in the project."
