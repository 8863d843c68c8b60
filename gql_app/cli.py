"""The command line: `roster serve`, and what one does beside it; each command imports what it needs."""

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click

from gql_app.settings import SettingsError, StartError, read_settings
from resolvers.domain.errors import Refusal

if TYPE_CHECKING:
    from resolvers.context import Guest

T = TypeVar("T")


def main() -> None:
    """Runs the command line; what can go wrong ends in one line, and exit code 1, or 2 for a bad setting."""
    try:
        cli()
    except SettingsError as error:
        _end(2, str(error))
    except StartError as error:
        _end(1, str(error))
    except Refusal as refusal:
        _end(1, refusal.faults[0].message)
    except OSError as error:
        _end(1, str(error))


def _end(code: int, line: str) -> NoReturn:
    sys.stderr.write(f"roster: {line}\n")
    sys.exit(code)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="roster", prog_name="roster")
def cli() -> None:
    """Roster: the control plane for fleets of AI agents."""


@cli.command("serve")
@click.option("--host", help="The address to listen on (127.0.0.1).")
@click.option("--port", type=int, help="The port to listen on (8000); 0 takes any that is free.")
@click.option("--workers", type=int, help="How many processes answer (1).")
def serve_command(**given: object) -> None:
    """Serve GraphQL and REST, on the embedded PostgreSQL unless ROSTER_DATABASE_URL names another."""
    settings = read_settings(**{name: value for name, value in given.items() if value is not None})
    # What is imported stays to the end: a search through it for garbage takes a sixth of a start, and then of requests.
    gc.disable()
    from gql_app.asgi import leave_garbage
    from gql_app.serve import serve

    leave_garbage()
    gc.enable()
    serve(settings)


@cli.command("migrate")
def migrate_command() -> None:
    """Bring the database to this version's schema."""
    settings = read_settings()
    from gql_app.serve import database
    from resolvers.store.engine import Store
    from resolvers.store.migrate import migrate, newest

    async def run(url: str) -> None:
        store = Store(url, 1)
        try:
            await migrate(store)
        finally:
            await store.close()

    with database(settings) as url:
        asyncio.run(run(url))
    click.echo(f"The database is at {newest()}.")


@cli.command("create-superuser")
@click.option("--email", prompt="E-mail address", help="The address to sign in with.")
@click.option(
    "--password",
    envvar="ROSTER_SUPERUSER_PASSWORD",
    prompt=True,
    hide_input=True,
    confirmation_prompt=True,
    help="Asked for when it is not given; better set ROSTER_SUPERUSER_PASSWORD than write it here.",
)
def create_superuser(email: str, password: str) -> None:
    """Make a superuser, or make one of a user."""
    from gql_app.superuser import make_superuser

    # The password may have come through the environment without the address.
    given = {"superuser_email": email, "superuser_password": password}
    made = _with_database(lambda guest: make_superuser(guest, email, password), **given)
    click.echo(f"{email} is {'a new' if made else 'now a'} superuser.")


@cli.command("prune")
@click.option("--event-days", type=int, help="Remove events that are older; ROSTER_EVENT_DAYS if left out.")
def prune_command(event_days: int | None) -> None:
    """Remove what has expired, and events that are older than ROSTER_EVENT_DAYS, in small steps."""
    from resolvers.upkeep import prune

    settings = read_settings(**({} if event_days is None else {"event_days": event_days}))
    removed = _with_database(lambda guest: prune(guest, settings.event_days))
    click.echo("Removed " + ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in removed.items()) + ".")


@cli.command("recount")
def recount_command() -> None:
    """Count agents and all else anew, and mend what was counted wrong; nothing is written meanwhile."""
    from resolvers.upkeep import recount

    click.echo(f"{_with_database(recount)} counters were wrong.")


@cli.command("demo")
@click.option("--password", help="The password of the people in the demo; a random one if left out.")
def demo(password: str | None) -> None:
    """Fill a database without projects with a small fleet to look at."""
    from gql_app import demo as fleet
    from gql_app.superuser import random_password

    click.echo(_with_database(lambda guest: fleet.fill(guest, password or random_password())))


@cli.command("trust")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), help="The manifest (FOLDER/trusted.json).")
def trust(folder: Path, to: Path | None) -> None:
    """Make the manifest for ROSTER_TRUSTED_DOCUMENTS of the .graphql files in a folder."""
    from schema import manifest

    target = to or folder / "trusted.json"
    try:
        found = manifest.make(folder)
    except manifest.ManifestError as error:
        click.echo(error, err=True)
        sys.exit(1)
    manifest.write(found, target)
    click.echo(f"{target} trusts {len(found)} documents.")


@cli.command("schema")
def schema_command() -> None:
    """Print the GraphQL schema."""
    from schema.build import sdl

    click.echo(sdl(), nl=False)


@cli.command("openapi")
def openapi_command() -> None:
    """Print the OpenAPI document of the REST API."""
    from rest_shim.openapi import text

    click.echo(text(), nl=False)


def _with_database(act: Callable[["Guest"], Awaitable[T]], **given: object) -> T:
    settings = read_settings(**given)
    from gql_app.serve import database, use

    with database(settings) as url:
        return asyncio.run(use(settings, url, act))
