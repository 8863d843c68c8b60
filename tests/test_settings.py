"""Settings: read once, typed, each fault one clear line."""

import os
from pathlib import Path

import pytest

from gql_app.asgi import rates
from gql_app.settings import Settings, SettingsError, read_settings, secret_key
from gql_app.superuser import random_password
from resolvers.domain.passwords import weakness

LONG = "a secret of more than thirty-two characters"


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path: Path):
    """An environment and a folder without settings."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("ROSTER_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"PORT": "abc"}, "ROSTER_PORT: "),
        ({"PORT": "70000"}, "ROSTER_PORT: "),
        ({"WORKERS": "0"}, "ROSTER_WORKERS: "),
        ({"ENVIRONMENT": "staging"}, "ROSTER_ENVIRONMENT: "),
        ({"LOG_LEVEL": "loud"}, "ROSTER_LOG_LEVEL: "),
        ({"SECRET_KEY": "too short"}, "ROSTER_SECRET_KEY needs"),
        ({"SUPERUSER_EMAIL": "ada@example.com"}, "set together"),
        ({"SUPERUSER_PASSWORD": LONG}, "set together"),
        ({"DATABASE_URL": f"mysql://{LONG}"}, "postgresql://"),
        ({"CORS_ORIGINS": "https://app.example.com, app.example.com"}, "ROSTER_CORS_ORIGINS: must be * or origins"),
        ({"CORS_ORIGINS": "https://app.example.com/path"}, "ROSTER_CORS_ORIGINS: must be * or origins"),
        ({"CORS_ORIGINS": "https://*.example.com"}, "ROSTER_CORS_ORIGINS: must be * or origins"),
        ({"TRUSTED_PROXIES": "*"}, "ROSTER_TRUSTED_PROXIES: must be addresses or networks"),
        ({"TRUSTED_PROXIES": "10.0.0.1/8"}, "ROSTER_TRUSTED_PROXIES: must be addresses or networks"),
        ({"TRUSTED_PROXIES": "proxy.example.com"}, "ROSTER_TRUSTED_PROXIES: must be addresses or networks"),
        ({"RATE_LIMIT_USER": "often"}, "ROSTER_RATE_LIMIT_USER: must be like 600/minute"),
        ({"RATE_LIMIT_ADDRESS": "0/minute"}, "ROSTER_RATE_LIMIT_ADDRESS: must be like 600/minute"),
        ({"RATE_LIMIT_SIGN_IN": "10/fortnight"}, "ROSTER_RATE_LIMIT_SIGN_IN: must be like 600/minute"),
        *(
            ({"RATE_LIMIT_STORE": url}, "ROSTER_RATE_LIMIT_STORE must be like redis://host:6379/0")
            for url in (
                f"memcached://{LONG}",
                f"redis://:{LONG}@host",
                f"redis://:{LONG}@host:70000",
                "redis://host:1/name",
                f"redis://:{LONG}@host:x",
                "redis://host:1?socket_timeout=x",
                "redis+unix://host/path",
                "redis://",
            )
        ),
        ({"DATABASE_URL": f"postgresql://a:{LONG}@b/c", "ENVIRONMENT": "production"}, "ROSTER_SECRET_KEY must be set"),
    ],
)
def test_a_bad_setting_ends_in_one_line(given: dict[str, str], said: str, monkeypatch):
    for name, value in given.items():
        monkeypatch.setenv(f"ROSTER_{name}", value)

    with pytest.raises(SettingsError) as error:
        read_settings()

    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert LONG not in str(error.value)


def test_two_bad_settings_are_both_told(monkeypatch):
    monkeypatch.setenv("ROSTER_PORT", "x")
    monkeypatch.setenv("ROSTER_WORKERS", "y")

    with pytest.raises(SettingsError, match=r"ROSTER_PORT.*; ROSTER_WORKERS"):
        read_settings()


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(monkeypatch):
    Path(".env").write_text("ROSTER_PORT=1\nROSTER_HOST=file\nROSTER_LOG_LEVEL=debug\n")
    monkeypatch.setenv("ROSTER_PORT", "2")
    monkeypatch.setenv("ROSTER_HOST", "environment")

    settings = read_settings(port=3)

    assert (settings.port, settings.host, settings.log_level) == (3, "environment", "debug")


@pytest.mark.parametrize("url", [
    "redis://host:6379", "redis://host:6379/5", "rediss://user:se%40cret@10.0.0.1:6380/0", "redis://[::1]:6379",
    "redis+unix:///run/redis.sock", "redis+unix:///run/redis.sock?db=2",
])  # fmt: skip
async def test_a_store_of_rate_limits_may_be_named(url: str, monkeypatch):
    monkeypatch.setenv("ROSTER_RATE_LIMIT_STORE", url)
    await rates(read_settings()).close()


def test_rate_limits_are_those_that_are_set(monkeypatch):
    monkeypatch.setenv("ROSTER_RATE_LIMIT_USER", "50/10 seconds")
    monkeypatch.setenv("ROSTER_RATE_LIMIT_ADDRESS", "none")

    found = rates(read_settings())

    assert (found.user, found.address, found.sign_in) == (("user", 50, 10), None, ("sign-in", 60, 60))


def test_secrets_do_not_show(monkeypatch):
    monkeypatch.setenv("ROSTER_SECRET_KEY", LONG)
    monkeypatch.setenv("ROSTER_DATABASE_URL", f"postgresql://a:{LONG}@b/c")

    assert LONG not in repr(read_settings()) + str(read_settings())


def test_a_key_is_made_once_for_its_owner_alone():
    first, second = secret_key(read_settings()), secret_key(read_settings())

    assert first == second
    assert len(first) >= 32
    assert (Path(".roster") / "secret.key").stat().st_mode & 0o777 == 0o600


def test_an_emptied_key_file_is_told():
    secret_key(read_settings())
    (Path(".roster") / "secret.key").write_text("")

    with pytest.raises(SettingsError, match="holds no key"):
        secret_key(read_settings())


def test_the_explorer_is_for_development_unless_it_is_set():
    assert read_settings().explorer
    assert not read_settings(environment="production", secret_key=LONG).explorer
    assert read_settings(environment="production", secret_key=LONG, graphiql=True).explorer


def test_every_setting_says_what_it_is():
    assert all(field.description for field in Settings.model_fields.values())


def test_a_random_password_is_a_good_one():
    assert all(weakness(random_password()) is None for _ in range(50))


def test_lists_are_words_with_blanks_or_commas_between_them(monkeypatch):
    monkeypatch.setenv("ROSTER_CORS_ORIGINS", "https://App.example.com:443/, http://localhost:3000")
    monkeypatch.setenv("ROSTER_TRUSTED_PROXIES", "10.0.0.0/8 ::1,192.0.2.1")
    settings = read_settings()
    assert settings.cors_origins == ("https://app.example.com", "http://localhost:3000")
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1/128", "192.0.2.1/32")
