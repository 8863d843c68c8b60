"""The first superuser: the one that is set, or one with a random password that is shown once."""

import secrets
import string

from gql_app.settings import Settings, SettingsError
from resolvers import users
from resolvers.context import Guest
from resolvers.domain.drafts import Draft
from resolvers.domain.errors import Refusal
from resolvers.domain.users import Register

DEFAULT_EMAIL = "admin@example.com"
SIGNS = "-_.!?+"


def random_password() -> str:
    """Makes a password that holds every kind of character that one must."""
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, SIGNS)
    letters = [secrets.choice(kind) for kind in kinds]
    letters += [secrets.choice("".join(kinds[:3])) for _ in range(16)]
    secrets.SystemRandom().shuffle(letters)
    return "".join(letters)


async def first_superuser(guest: Guest, settings: Settings) -> str | None:
    """Makes sure that there is a superuser; returns what to tell the person who starts an empty server."""
    if settings.superuser_email is not None and settings.superuser_password is not None:
        await make_superuser(guest, settings.superuser_email, settings.superuser_password.get_secret_value())
        return None
    if settings.production or not await users.nobody(guest):
        return None
    password = random_password()
    made = await make_superuser(guest, DEFAULT_EMAIL, password)
    return f"Made the first superuser: {DEFAULT_EMAIL} with the password {password} (shown only now)." if made else None


async def make_superuser(guest: Guest, email: str, password: str) -> bool:
    """Makes a superuser of this address, from nothing or from a user; tells whether the user is new."""
    new = {"email": email, "password": password, "first_name": "Admin"}
    try:
        return await users.ensure_superuser(guest, Draft(Register, new))
    except Refusal as refusal:
        faults = "; ".join(f"{fault.field}: {fault.message}" for fault in refusal.faults)
        raise SettingsError(f"the superuser can't be made: {faults}") from None
