"""Settings, read once from the environment and `.env`; a bad one stops the start with a clear line."""

import ipaddress
import os
import re
import secrets
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from resolvers.domain.rates import Policy

PREFIX = "ROSTER_"
MIN_SECRET = 32
STORE = re.compile(
    r"rediss?://([^@/?#]*@)?(\[[\da-fA-F:.]+\]|[^][@/?#:,\s]+):\d+(/\d{1,3})?|redis\+unix:///[^?#\s]+(\?db=\d{1,3})?"
)


ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(\[[0-9a-f:.]+\]|[^][/?#@:,\s*]+)(:\d{1,5})?")
PORTS = {"https": ":443", "http": ":80"}


class SettingsError(Exception):
    """A setting that can't be used, with one line for each."""


class StartError(Exception):
    """Why Roster can't start, in one line."""


class Environment(StrEnum):
    """What the server is for."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class LogFormat(StrEnum):
    """How log lines look."""

    CONSOLE = "console"
    JSON = "json"


def _rate(text: str) -> str:
    Policy.parse("", text)
    return text


Rate = Annotated[str, AfterValidator(_rate)]
"""How much is allowed in which time."""


def _words(text: object) -> object:
    return tuple(text.replace(",", " ").split()) if isinstance(text, str) else text


def _origin(text: str) -> str:
    # As browsers write them, since they are compared with what browsers send.
    plain = text.lower().removesuffix("/")
    found = ORIGIN.fullmatch(plain)
    if not found and plain != "*":
        raise ValueError("must be * or origins such as https://app.example.com, without a path")
    return plain.removesuffix(PORTS.get(found[1], "/")) if found else plain


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise ValueError("must be addresses or networks, such as 10.0.0.7 or 10.0.0.0/8") from error


Origins = Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], NoDecode, BeforeValidator(_words)]
Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], NoDecode, BeforeValidator(_words)]


class Settings(BaseSettings):
    """Everything that can be set from outside; the names in the environment have the prefix ROSTER_."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    environment: Environment = Field(Environment.DEVELOPMENT, description="`development` or `production`")
    database_url: SecretStr | None = Field(None, description="a PostgreSQL 14 or newer; without it one is embedded")
    data_dir: Path = Field(Path(".roster"), description="where the embedded database and the secret key live")
    secret_key: SecretStr | None = Field(None, description="signs tokens; at least 32 characters; made once if not set")
    superuser_email: str | None = Field(
        None, description="this superuser exists after start, if the password is set too"
    )
    superuser_password: SecretStr | None = Field(None, description="the password that a new superuser gets")
    host: str = Field("127.0.0.1", description="the address to listen on")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8000, description="the port to listen on")
    workers: Annotated[int, Field(ge=1, le=64)] = Field(1, description="how many processes answer")
    pool_size: Annotated[int, Field(ge=1, le=500)] = Field(10, description="database connections of one process")
    access_token_minutes: Annotated[int, Field(ge=1, le=1440)] = Field(15, description="how long an access token holds")
    refresh_token_days: Annotated[int, Field(ge=1, le=365)] = Field(30, description="how long a session can lie unused")
    event_days: Annotated[int, Field(ge=1, le=36500)] | None = Field(
        None, description="how many days of events `roster prune` leaves; without it, all of them"
    )
    graphiql: bool | None = Field(None, description="serve GraphiQL; by default in development only")
    trusted_documents: Path | None = Field(
        None, description="a manifest that `roster trust` made; with it only its GraphQL documents run"
    )
    rate_limit_user: Rate = Field("6000/minute", description="requests of one user, such as `50/10 seconds`, or `none`")
    rate_limit_address: Rate = Field("600/minute", description="requests from one address by whoever is not signed in")
    rate_limit_sign_in: Rate = Field("60/minute", description="sign-ins and registrations from one address")
    rate_limit_store: SecretStr | None = Field(
        None, description="such as `redis://host:6379/0`, for all processes to count together; else each by itself"
    )
    cors_origins: Origins | None = Field(
        None, description="origins whose pages may use the API, such as `https://app.example.com`, or `*`"
    )
    trusted_proxies: Networks | None = Field(
        None, description="addresses and networks of proxies, such as `10.0.0.0/8`, whose X-Forwarded-For is believed"
    )
    docs: bool = Field(True, description="serve the REST reference at /docs")
    log_format: LogFormat | None = Field(None, description="`console` or `json`; by default json in production")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="the least that is logged")
    stop_seconds: Annotated[int, Field(ge=0, le=600)] = Field(20, description="how long running requests may finish")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if (self.superuser_email is None) != (self.superuser_password is None):
            raise ValueError("ROSTER_SUPERUSER_EMAIL and ROSTER_SUPERUSER_PASSWORD are set together or not at all")
        if self.secret_key is not None and len(self.secret_key.get_secret_value()) < MIN_SECRET:
            raise ValueError(f"ROSTER_SECRET_KEY needs at least {MIN_SECRET} characters")
        url = self.database_url
        if url is not None and not url.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("ROSTER_DATABASE_URL must begin with postgresql://")
        if url is not None and not _has_port(url.get_secret_value()):
            raise ValueError("ROSTER_DATABASE_URL names a port that is none")
        store = self.rate_limit_store
        if store is not None and not (
            STORE.fullmatch(store.get_secret_value()) and _has_port(store.get_secret_value())
        ):
            raise ValueError("ROSTER_RATE_LIMIT_STORE must be like redis://host:6379/0 or redis+unix:///path?db=0")
        if self.production and url is not None and self.secret_key is None:
            raise ValueError("in production with ROSTER_DATABASE_URL, ROSTER_SECRET_KEY must be set")
        return self

    @property
    def production(self) -> bool:
        return self.environment is Environment.PRODUCTION

    @property
    def explorer(self) -> bool:
        return not self.production if self.graphiql is None else self.graphiql


def read_settings(**over: object) -> Settings:
    """Reads the settings; what is given here wins over the environment. Raises SettingsError."""
    try:
        return Settings(**over)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError("; ".join(_line(problem["loc"], problem["msg"]) for problem in error.errors())) from None


def _has_port(url: str) -> bool:
    try:
        # A list of hosts, each with its port, is the driver's to read.
        return "," in urlsplit(url).netloc or urlsplit(url).port != 0
    except ValueError:
        return False


def _line(place: tuple[int | str, ...], message: str) -> str:
    text = message.removeprefix("Value error, ")
    return f"{PREFIX}{str(place[0]).upper()}: {text}" if place else text


def secret_key(settings: Settings) -> str:
    """Returns the key that signs tokens: the one that is set, or one that is made once in the data folder."""
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    path = settings.data_dir / "secret.key"
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        # Of two first starts one gives its key the name, whole; the other reads that one.
        own = path.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(own, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        with suppress(FileExistsError):
            os.link(own, path)
        own.unlink()
    key = path.read_text().strip()
    if len(key) < MIN_SECRET:
        raise SettingsError(f"{path} holds no key; delete it, and a new one is made (all sign-ins end)")
    return key
