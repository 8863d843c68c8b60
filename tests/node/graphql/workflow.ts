// Signs in, and spawns, pauses, resumes and terminates an agent; prints what it saw on the way.
import { accepted, Client, Refused, there } from "./client.js";
import {
  ListAgentsDocument,
  type ListAgentsQuery,
  MetricsDocument,
  PauseDocument,
  ResumeDocument,
  SignInDocument,
  SpawnDocument,
  type StandingFragment,
  TerminateDocument,
} from "./operations.js";

const [url = "", email = "", password = "", project = "", agentTypeId = ""] = process.argv.slice(2);
const client = new Client(url);

async function signIn(): Promise<string> {
  const { login } = await client.run(SignInDocument, { input: { email, password } });
  client.token = there(accepted(login).accessToken);
  return there(login.user).email;
}

async function names(): Promise<string[]> {
  const found: string[] = [];
  let after: string | null = null;
  do {
    const page: ListAgentsQuery = await client.run(ListAgentsDocument, { project, first: 2, after });
    const { nodes, pageInfo } = there(page.project).agents;
    found.push(...nodes.map((agent) => `${agent.name} of ${agent.agentType.name}`));
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  } while (after);
  return found;
}

async function spawn(name: string): Promise<StandingFragment> {
  const { spawnAgent } = await client.run(SpawnDocument, { input: { projectId: project, agentTypeId, name } });
  return there(accepted(spawnAgent).agent);
}

const MOVES = { pause: PauseDocument, resume: ResumeDocument, terminate: TerminateDocument };

async function move(verb: keyof typeof MOVES, agent: StandingFragment): Promise<StandingFragment> {
  const { moved } = await client.run(MOVES[verb], { input: { id: agent.id, expectedVersion: agent.version } });
  return there(accepted(moved).agent);
}

async function refusal(asked: Promise<unknown>): Promise<string> {
  return asked.then(
    () => "nothing",
    (error: unknown) => {
      if (error instanceof Refused) return error.code;
      throw error;
    },
  );
}

const guest = await refusal(client.run(MetricsDocument, { project }));
const person = await signIn();
const before = await names();
const spawned = await spawn("Typed");
const paused = await move("pause", spawned);
const stale = await refusal(move("resume", spawned));
const again = await refusal(move("pause", paused));
const resumed = await move("resume", paused);
const terminated = await move("terminate", resumed);
const { metrics } = there((await client.run(MetricsDocument, { project })).project);
const path = [spawned, paused, resumed, terminated].map(({ status, version }) => `${status} ${version}`);
console.log(JSON.stringify({ guest, person, before, path, allowed: paused.allowedActions, stale, again, metrics }));
