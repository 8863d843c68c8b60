// A client of a few lines: it sends typed operations, and throws what the server could not or would not do.
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";

type Answer<Data> = { data?: Data | null; errors?: { message: string; extensions: { code: string } }[] };
type UserError = { code: string; message: string };

export class Refused extends Error {
  constructor(readonly code: string, message: string) {
    super(message);
  }
}

export class Client {
  token: string | undefined;

  constructor(readonly url: string) {}

  async run<Data, Variables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
    const response = await fetch(this.url, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        Accept: "application/graphql-response+json, application/json;q=0.9",
        ...(this.token && { Authorization: `Bearer ${this.token}` }),
      },
      body: JSON.stringify({ query: print(document), variables }),
    });
    const answer = (await response.json()) as Answer<Data>;
    const [error] = answer.errors ?? [];
    if (error) throw new Refused(error.extensions.code, error.message);
    if (!answer.data) throw new Error(`${response.status} without data`);
    return answer.data;
  }
}

export function accepted<Payload extends { userErrors: UserError[] }>(payload: Payload): Payload {
  const [error] = payload.userErrors;
  if (error) throw new Refused(error.code, error.message);
  return payload;
}

export function there<Thing>(thing: Thing | null | undefined): Thing {
  if (thing == null) throw new Error("There is no such thing, or it is not ours to see.");
  return thing;
}
