/** A request to Roster, and a sentence for each way in which it can go wrong. */

const ADDRESS = '/graphql';

/** Sends one operation; resolves with the whole answer, errors included, and rejects when there is none. */
export async function post(operation, headers = {}) {
  const reply = await fetch(ADDRESS, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      // Under the newer media type a refusal has a status of its own, and each would be an error in the console.
      Accept: 'application/json',
      ...headers,
    },
    body: JSON.stringify(operation),
  }).catch(() => {
    throw new Error('Roster can’t be reached. Is it still running?');
  });
  return reply.json().catch(() => {
    throw new Error(`Something between here and Roster answered ${reply.status}, and not in JSON.`);
  });
}

/** Tells whether an answer says that its token holds no longer. */
export function isUnauthenticated(answer) {
  return Boolean(answer.errors?.some((error) => error.extensions?.code === 'UNAUTHENTICATED'));
}

/** The header that a token is sent in; none without a token. */
export function bearer(token) {
  return token ? { Authorization: `Bearer ${token}` } : {};
}
