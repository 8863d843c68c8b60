/** Subscriptions over graphql-transport-ws, which go on after a break where they were. */

import { createClient } from 'graphql-ws';
import { bearer } from './http.js';
import { session } from './session.js';

/** What Roster closes a socket with when its token speaks for nobody. */
const FORBIDDEN = 4403;
const LONGEST_WAIT = 10_000;

/** Starts a subscription; returns its results, one after another. */
export function watch(operation) {
  // The client sends the operation anew after each break, as it is then.
  const resumable = { ...operation };
  let renewed = false;
  const client = createClient({
    url: new URL('/graphql', location.href).href.replace(/^http/, 'ws'),
    connectionParams: async () => bearer(await session.token()),
    retryAttempts: 20,
    retryWait: (retries) => new Promise((done) => setTimeout(done, Math.min(250 * 2 ** retries, LONGEST_WAIT))),
    shouldRetry: (reason) => reason?.code !== FORBIDDEN,
    on: {
      connected: () => {
        renewed = false;
      },
    },
  });
  let results = client.iterate(resumable);

  async function next() {
    try {
      const step = await results.next();
      if (!step.done) remember(resumable, step.value);
      return step;
    } catch (reason) {
      if (reason?.code !== FORBIDDEN || renewed || !(await session.refresh())) throw explained(reason);
      renewed = true;
      results = client.iterate(resumable);
      return next();
    }
  }

  async function close() {
    await client.dispose();
    return { done: true, value: undefined };
  }

  // No generator: its return() would wait for the next event before it closes the socket.
  const steps = { next, return: close, [Symbol.asyncIterator]: () => steps };
  return steps;
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
  if (reason?.code === FORBIDDEN) return { message: 'Sign in, and run this again.' };
  if (reason?.reason) return { message: `The connection was closed: ${reason.reason}` };
  return { message: 'The connection for live events broke, and could not be made again.' };
}
