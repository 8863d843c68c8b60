// A client as one writes it around the generated types: a token for each request, and refusals that are thrown.
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./api.js";

export type Schemas = components["schemas"];
export type Code = Schemas["ErrorCode"];
type Reply<Data> = { data?: Data; error?: unknown; response: Response };

export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: Code,
    message: string,
  ) {
    super(message);
  }
}

export class Roster {
  readonly api: Client<paths, "application/json">;
  token: string | undefined;

  constructor(baseUrl: string) {
    this.api = createClient<paths, "application/json">({ baseUrl });
    this.api.use({
      onRequest: ({ request }) => {
        if (this.token) request.headers.set("Authorization", `Bearer ${this.token}`);
      },
    });
  }

  async signIn(email: string, password: string): Promise<Schemas["User"]> {
    const pair = await accepted(this.api.POST("/auth/login", { body: { email, password } }));
    this.token = pair.access_token;
    return pair.user;
  }

  async agents(project_id: string): Promise<Schemas["Agent"][]> {
    const found: Schemas["Agent"][] = [];
    let last: Schemas["AgentPage"];
    let page = 1;
    do {
      const query = { page: page++, limit: 2, sort: "name" as const };
      last = await accepted(this.api.GET("/projects/{project_id}/agents", { params: { path: { project_id }, query } }));
      found.push(...last.data);
    } while (last.pagination.has_next);
    return found;
  }
}

export async function accepted<Data>(asked: Promise<Reply<Data>>): Promise<Data> {
  const { data, error, response } = await asked;
  if (data !== undefined) return data;
  const [fault] = (error as Schemas["Problem"]).errors;
  if (!fault) throw new Error(`${response.status} without a fault`);
  throw new Refused(response.status, fault.code, fault.message);
}

export async function refusal(asked: Promise<Reply<unknown>>): Promise<string> {
  try {
    await accepted(asked);
  } catch (error) {
    if (error instanceof Refused) return `${error.status} ${error.code}`;
    throw error;
  }
  return "nothing";
}
