// What both contenders on Node share: the pool, who asks, and the statements.
import pg from 'pg';
import { createVerifier } from 'fast-jwt';

pg.types.setTypeParser(pg.types.builtins.INT8, Number);

const pool = new pg.Pool({ max: 10 });
const verify = createVerifier({ key: process.env.SECRET_KEY, algorithms: ['HS256'], allowedIss: 'roster', cache: true });

// A name has PostgreSQL prepare the statement once per connection.
async function rows(name, text, values) {
  return (await pool.query({ name, text, values })).rows;
}

const WHO = `
  SELECT u.* FROM users u JOIN sessions s ON s.user_id = u.id
  WHERE s.id = $1 AND u.id = $2 AND s.revoked_at IS NULL AND s.expires_at > now()
    AND u.is_active AND u.deleted_at IS NULL`;
const AGENT = `
  a.id, a.project_id AS "projectId", a.agent_type_id AS "agentTypeId", a.name, upper(a.status) AS status,
  a.current_task AS "currentTask", a.tasks_completed AS "tasksCompleted", a.tokens_used AS "tokensUsed",
  a.cost_incurred AS "costIncurred", a.version, a.created_at AS "createdAt"`;
const MINE = (project) =>
  `EXISTS (SELECT 1 FROM project_members m WHERE m.project_id = ${project} AND m.user_id = $1)`;

export async function whoAsks(authorization = '') {
  let claims;
  try {
    claims = verify(authorization.slice('Bearer '.length));
  } catch {
    return null;
  }
  if (claims.typ !== 'access') return null;
  return (await rows('who', WHO, [claims.sid, claims.sub]))[0] ?? null;
}

export async function project(user, id) {
  const text = `SELECT p.id, p.name, upper(p.status) AS status FROM projects p WHERE p.id = $2 AND ${MINE('p.id')}`;
  return (await rows('project', text, [user.id, id]))[0];
}

export async function agent(user, id) {
  const text = `SELECT ${AGENT} FROM agents a WHERE a.id = $2 AND ${MINE('a.project_id')}`;
  return (await rows('agent', text, [user.id, id]))[0];
}

export async function projects(user, first) {
  const text = `SELECT p.id, p.name, upper(p.status) AS status FROM projects p WHERE ${MINE('p.id')}
    ORDER BY p.created_at DESC, p.id DESC LIMIT $2`;
  return rows('projects', text, [user.id, first]);
}

export async function typesByIds(ids) {
  const text = `SELECT id, name, slug, primary_model AS "primaryModel", is_active AS "isActive"
    FROM agent_types WHERE id = ANY($1::uuid[])`;
  const found = new Map((await rows('types', text, [ids])).map((row) => [row.id, row]));
  return ids.map((id) => found.get(id));
}

export async function agentsBelow(ids, first) {
  const text = `SELECT a.* FROM unnest($1::uuid[]) AS place (id) CROSS JOIN LATERAL (
      SELECT ${AGENT} FROM agents a WHERE a.project_id = place.id ORDER BY a.created_at DESC, a.id DESC LIMIT $2
    ) a`;
  const below = new Map(ids.map((id) => [id, []]));
  for (const row of await rows('below', text, [ids, first])) below.get(row.projectId).push(row);
  return ids.map((id) => below.get(id));
}

export async function totals(ids) {
  const text = 'SELECT project_id AS id, count(*) FROM agents WHERE project_id = ANY($1::uuid[]) GROUP BY project_id';
  const found = new Map((await rows('totals', text, [ids])).map((row) => [row.id, row.count]));
  return ids.map((id) => found.get(id) ?? 0);
}

const NOTHING = {
  totalInstances: 0, activeInstances: 0, idleInstances: 0, pausedInstances: 0, terminatedInstances: 0,
  totalTasksCompleted: 0, totalTokensUsed: 0, totalCostIncurred: '0.000000',
};

export async function metrics(ids) {
  const text = `SELECT project_id AS id, count(*) AS "totalInstances",
      count(*) FILTER (WHERE status IN ('working', 'waiting')) AS "activeInstances",
      count(*) FILTER (WHERE status = 'idle') AS "idleInstances",
      count(*) FILTER (WHERE status = 'paused') AS "pausedInstances",
      count(*) FILTER (WHERE status = 'terminated') AS "terminatedInstances",
      sum(tasks_completed)::bigint AS "totalTasksCompleted", sum(tokens_used)::bigint AS "totalTokensUsed",
      sum(cost_incurred) AS "totalCostIncurred"
    FROM agents WHERE project_id = ANY($1::uuid[]) GROUP BY project_id`;
  const found = new Map((await rows('metrics', text, [ids])).map((row) => [row.id, row]));
  return ids.map((id) => found.get(id) ?? NOTHING);
}

export class Refused extends Error {}

const OPERATORS = ['operator', 'owner'];
export const PAUSE = { to: 'paused', from: ['idle', 'working', 'waiting'], kind: 'agent.paused' };
export const RESUME = { to: 'idle', from: ['paused'], kind: 'agent.resumed' };
const EVENT = `
  INSERT INTO events (id, kind, project_id, subject_id, actor_id, data) VALUES (uuidv7(), $1, $2, $3, $4, $5)`;

async function transaction(work) {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const run = async (name, text, values) => (await client.query({ name, text, values })).rows[0];
    const found = await work(run);
    await client.query('COMMIT');
    return found;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

export function move(user, id, { to, from, kind }) {
  return transaction(async (run) => {
    const text = `SELECT a.status, a.version, a.project_id, m.role, p.status AS project_status
      FROM agents a JOIN projects p ON p.id = a.project_id
        JOIN project_members m ON m.project_id = p.id AND m.user_id = $1
      WHERE a.id = $2 FOR UPDATE OF a`;
    const seen = await run('seen', text, [user.id, id]);
    if (!seen) throw new Refused('NOT_FOUND');
    if (!OPERATORS.includes(seen.role)) throw new Refused('FORBIDDEN');
    if (seen.project_status !== 'active') throw new Refused('PROJECT_ARCHIVED');
    if (!from.includes(seen.status)) throw new Refused('INVALID_TRANSITION');
    const update = `UPDATE agents a SET status = $2, version = version + 1, updated_at = now(),
        last_activity_at = now(), paused_at = CASE WHEN $2 = 'paused' THEN now() END
      WHERE id = $1 RETURNING ${AGENT}`;
    const moved = await run('move', update, [id, to]);
    const data = { from: seen.status, to, version: moved.version };
    await run('event', EVENT, [kind, seen.project_id, id, user.id, data]);
    return moved;
  });
}

export function spawn(user, { projectId, agentTypeId, name }) {
  return transaction(async (run) => {
    const text = `SELECT p.status, m.role, t.is_active, t.revision
      FROM projects p JOIN project_members m ON m.project_id = p.id AND m.user_id = $1
        LEFT JOIN agent_types t ON t.id = $3
      WHERE p.id = $2 FOR SHARE OF p`;
    const seen = await run('place', text, [user.id, projectId, agentTypeId]);
    if (!seen) throw new Refused('NOT_FOUND');
    if (!OPERATORS.includes(seen.role)) throw new Refused('FORBIDDEN');
    if (seen.status !== 'active') throw new Refused('PROJECT_ARCHIVED');
    if (!seen.is_active) throw new Refused('AGENT_TYPE_INACTIVE');
    const insert = `INSERT INTO agents AS a (id, project_id, agent_type_id, agent_type_revision, name)
      VALUES (uuidv7(), $1, $2, $3, $4) RETURNING ${AGENT}`;
    const made = await run('spawn', insert, [projectId, agentTypeId, seen.revision, name.trim()]);
    const data = { agent_type_id: agentTypeId, revision: seen.revision, version: 1 };
    await run('event', EVENT, ['agent.spawned', projectId, made.id, user.id, data]);
    return made;
  });
}
