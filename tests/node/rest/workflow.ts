// Signs in, makes what it works with, spawns and moves an agent, and changes it; prints what it saw on the way.
import { accepted, Refused, refusal, Roster, type Schemas } from "./client.js";

const [url = "", email = "", password = ""] = process.argv.slice(2);
const roster = new Roster(url);
const { api } = roster;

const guest = await refusal(api.GET("/users/me"));
const person = (await roster.signIn(email, password)).email;
const kind = await accepted(
  api.POST("/agent-types", {
    body: {
      name: "Triage",
      slug: "triage",
      personality_prompt: "Sort.",
      primary_model: "m",
      model_params: { temperature: 0.5, stop: ["."] },
    },
  }),
);
const project = await accepted(api.POST("/projects", { body: { name: "Support", slug: "support" } }));
const here = { project_id: project.id };

async function spawn(name: string, key: string) {
  const { data, response } = await api.POST("/projects/{project_id}/agents", {
    params: { path: here, header: { "Idempotency-Key": key } },
    body: { agent_type_id: kind.id, name },
  });
  return { id: data?.id ?? "", replayed: response.headers.get("Idempotency-Replayed") };
}

const first = await spawn("Agent 0", "agent-0");
const again = await spawn("Agent 0", "agent-0");
for (const number of [1, 2, 3]) await spawn(`Agent ${number}`, `agent-${number}`);
const names = (await roster.agents(project.id)).map(({ name }) => name);

const path = { ...here, id: first.id };
const read = await api.GET("/projects/{project_id}/agents/{id}", { params: { path } });
const tag = read.response.headers.get("ETag") ?? "";
const known = await api.GET("/projects/{project_id}/agents/{id}", { params: { path, header: { "If-None-Match": tag } } });

const pause = () => api.POST("/projects/{project_id}/agents/{id}/pause", { params: { path } });
const paused = await accepted(pause());
const twice = await refusal(pause());

const change: Schemas["UpdateAgent"] = { current_task: "Ticket 9031", cost_incurred: "1.25" };
const patch = (tag: string) =>
  api.PATCH("/projects/{project_id}/agents/{id}", { params: { path, header: { "If-Match": tag } }, body: change });
const stale = await refusal(patch(tag));
const changed = await accepted(patch(`"${paused.version}"`));

// What the types refuse; were one of these allowed, this would not compile.
// @ts-expect-error such a status an agent never has
const status: Schemas["AgentStatus"] = "asleep";
// @ts-expect-error a project needs a slug
const nameless: Schemas["CreateProject"] = { name: "Support" };
// @ts-expect-error no such thing is at that address
const nowhere = () => api.GET("/nowhere");
// @ts-expect-error an agent is not made there
const unmade = () => api.POST("/projects/{project_id}/agents/{id}", { params: { path } });

console.log(
  JSON.stringify({
    guest,
    person,
    model_params: kind.model_params,
    once: [again.id === first.id, first.replayed, again.replayed],
    names,
    known: known.response.status,
    path: [paused, changed].map((agent) => `${agent.status} ${agent.version}`),
    twice,
    stale,
    changed: [changed.current_task, changed.cost_incurred, changed.allowed_actions],
  }),
);
