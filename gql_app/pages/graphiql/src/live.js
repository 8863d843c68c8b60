/** Subscriptions over graphql-transport-ws, which go on after a break where they were. */

import { createClient } from 'graphql-ws';
import { bearer } from './http.js';
import { session } from './session.js';

const UNAUTHORIZED = 4401;

/** Starts a subscription; returns its results, one after another. */
export function watch(operation) {
  // The client sends the operation anew after each break, and reads it then.
  const resumable = { ...operation };
  const client = createClient({
    url: new URL('/graphql', location.href).href.replace(/^http/, 'ws'),
    connectionParams: async () => bearer(await session.token()),
    retryAttempts: 20,
    retryWait: (retries) => new Promise((done) => setTimeout(done, Math.min(500 * 2 ** retries, 10_000))),
    shouldRetry: () => true,
  });
  let results = client.iterate(resumable);

  // No generator: its return() would wait for the next event before it closes the socket.
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      try {
        const step = await results.next();
        if (!step.done) remember(resumable, step.value);
        return step;
      } catch (reason) {
        if (reason?.code === UNAUTHORIZED && (await session.refresh())) {
          results = client.iterate(resumable);
          return this.next();
        }
        throw explained(reason);
      }
    },
    async return() {
      await client.dispose();
      return { done: true, value: undefined };
    },
  };
}

/** Notes in the variable `after` which event came last, where an operation has that variable. */
function remember(operation, result) {
  if (!/\$after\b/.test(operation.query)) return;
  const cursor = Object.values(result.data ?? {})[0]?.cursor;
  if (cursor) operation.variables = { ...operation.variables, after: cursor };
}

/** What GraphiQL shows of the end of a subscription: Roster's errors, or a sentence. */
function explained(reason) {
  if (Array.isArray(reason)) return reason;
  if (reason?.code === UNAUTHORIZED) return { message: 'Sign in first, or again: live events are for members.' };
  if (reason?.code) return { message: `The connection was closed: ${reason.reason || `code ${reason.code}`}.` };
  return { message: 'The connection for live events can’t be opened.' };
}
