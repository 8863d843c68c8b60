"""The rows that every contender answers from: written at an early revision, and brought to the newest by migrations."""

import hashlib
from pathlib import Path
from typing import Any

import asyncpg

from resolvers.hashing import Hasher
from resolvers.store.engine import Store
from resolvers.store.migrate import FOLDER, migrate, newest

# What is written here fits this revision; what later ones keep beside the rows, they make themselves.
WRITTEN_AT = "0004"
PASSWORD = "Bench-Horse-2026"  # noqa: S105 — of people who exist on this machine alone, for a while
TYPES = 20
LIST = 100
DASHBOARD, SMALL = 10, 20
STEPS, STEPPING = 10, 1_600
SPAWNS = 16
STATUSES = ("idle", "working", "waiting", "paused", "terminated")

PEOPLE = """
INSERT INTO users (id, email, password_hash, first_name, last_name, is_active, is_superuser)
SELECT uuidv7(), name || '@example.com', $1, initcap(name), 'Bench', true, false FROM unnest($2::text[]) AS name
"""
SESSIONS = """
INSERT INTO sessions (id, user_id, device_name, user_agent, expires_at)
SELECT uuidv7(), id, 'bench', 'bench', now() + interval '365 days' FROM users
"""
KINDS = """
WITH made AS (
    INSERT INTO agent_types (id, name, slug, description, expertise, personality_prompt, primary_model,
                             fallback_models, model_params, mcp_servers, is_active)
    SELECT uuidv7(), 'Type ' || n, 'type-' || n, 'A type of agent.', ARRAY['sql', 'python'],
           repeat('You are careful and brief. ', 40), 'model-' || n % 3, ARRAY['model-9'],
           '{"temperature": 0.2}', ARRAY['github'], n % 5 > 0
    FROM generate_series(1, $1::int) AS n RETURNING *
)
INSERT INTO agent_type_revisions (agent_type_id, revision, personality_prompt, primary_model, fallback_models,
                                  model_params, mcp_servers)
SELECT id, revision, personality_prompt, primary_model, fallback_models, model_params, mcp_servers FROM made
"""
PROJECTS = """
WITH made AS (
    INSERT INTO projects (id, name, slug, description, created_at)
    SELECT uuidv7(), initcap($1) || ' ' || n, $1 || '-' || n, 'A project.',
           timestamptz '2026-01-01Z' + n * interval '1 h'
    FROM generate_series(1, $2::int) AS n RETURNING id
)
INSERT INTO project_members (project_id, user_id, role)
SELECT made.id, users.id, 'owner' FROM made, users WHERE users.email = $3 || '@example.com'
"""
# One project after the other gets an agent, as in life; so a page of one project lies on many pages of the table.
AGENTS = """
WITH place AS (SELECT id, row_number() OVER (ORDER BY created_at) - 1 AS number
               FROM projects WHERE slug LIKE $1 || '-%'),
     kind AS (SELECT id, row_number() OVER (ORDER BY slug) - 1 AS number FROM agent_types),
     counted AS (SELECT n, ($4::text[])[n % cardinality($4) + 1] AS status,
                        timestamptz '2026-02-01Z' + n * interval '1.001 s' AS time
                 FROM generate_series(0, $2::int * $3::int - 1) AS n)
INSERT INTO agents (id, project_id, agent_type_id, agent_type_revision, name, status, current_task, tasks_completed,
                    tokens_used, cost_incurred, created_at, updated_at, last_activity_at, paused_at, terminated_at)
SELECT uuidv7(), place.id, kind.id, 1, 'Agent ' || n, status, CASE WHEN n % 3 > 0 THEN 'Ticket ' || n END,
       n % 200, n * 911, n % 5000 * 0.0137, time, time, time,
       CASE status WHEN 'paused' THEN time END, CASE status WHEN 'terminated' THEN time END
FROM counted JOIN place ON place.number = n % $2 JOIN kind ON kind.number = n / $2 % $5
ORDER BY n
"""


def mark(size: int) -> str:
    """Returns a name for rows: another one whenever what is written, or a migration, is another."""
    text = [Path(__file__), *sorted((FOLDER / "versions").glob("[0-9]*.py"))]
    known = hashlib.sha256(b"".join(path.read_bytes() for path in text)).hexdigest()[:10]
    return f"{size}_{newest()}_{known}"


async def fill(url: str, size: int) -> None:
    """Fills an empty database: 0 for the fleet that the contenders share, else so many agents in ten projects."""
    store = Store(url, 1)
    await migrate(store, WRITTEN_AT)
    await store.close()
    db = await asyncpg.connect(url)
    await db.execute(PEOPLE, await Hasher().hash(PASSWORD), ["ada", "ben"])
    await db.execute(SESSIONS)
    await db.execute(KINDS, TYPES)
    groups = [("grow", 10, size // 10, STATUSES, "ada")] if size else FLEET
    for slug, projects, each, statuses, owner in groups:
        await db.execute(PROJECTS, slug, projects, owner)
        await db.execute(AGENTS, slug, projects, each, list(statuses), TYPES)
    await _tidy(db)


async def bring_up(url: str) -> None:
    """Brings a filled database to the newest revision."""
    store = Store(url, 1)
    await migrate(store)
    await store.close()
    await _tidy(await asyncpg.connect(url))


async def _tidy(db: Any) -> None:
    await db.execute("VACUUM ANALYZE")
    await db.execute("CHECKPOINT")
    await db.close()


# What the groups are for: a list, steps, spawning, and the dashboard of someone who sees nothing else.
FLEET = [
    ("list", 1, LIST, STATUSES, "ada"),
    ("step", STEPS, STEPPING, ("idle",), "ada"),
    ("spawn", SPAWNS, 0, ("idle",), "ada"),
    ("dash", DASHBOARD, SMALL, STATUSES, "ben"),
]
