/** How GraphiQL asks: queries and mutations over HTTP, subscriptions over a WebSocket, each with the session's token. */

import { getOperationAST, parse } from 'graphql';
import { bearer, isUnauthenticated, post } from './http.js';
import { watch } from './live.js';
import { session } from './session.js';

export async function fetcher({ query, variables, operationName }, { headers = {} } = {}) {
  const chosen = find(query, operationName);
  const operation = { query, variables, operationName: chosen ? chosen.name?.value : operationName };
  if (chosen?.operation === 'subscription') return watch(operation);
  try {
    return await ask(operation, headers);
  } catch (error) {
    return { errors: [{ message: error.message }] };
  }
}

/** Returns the operation that is meant; null leaves it to Roster to say what is wrong. */
function find(query, name) {
  try {
    const document = parse(query);
    // For a moment after a change of tabs, GraphiQL still gives the name of what was open before.
    return getOperationAST(document, name) ?? getOperationAST(document);
  } catch {
    return null;
  }
}

async function ask(operation, headers) {
  // A header written by hand speaks for itself.
  if (Object.keys(headers).some((name) => name.toLowerCase() === 'authorization')) return post(operation, headers);
  const answer = await post(operation, { ...headers, ...bearer(await session.token()) });
  if (!isUnauthenticated(answer) || !session.user || !(await session.refresh())) return answer;
  return post(operation, { ...headers, ...bearer(await session.token()) });
}
