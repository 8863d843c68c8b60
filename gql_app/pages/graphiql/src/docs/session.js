/** Who is signed in to the reference, through REST. */

import { Refused, Session } from '../tokens.js';

const AUTH = '/api/v1/auth/';

/** Turns an answer of `login` or `refreshToken` into a pair of tokens. */
export function pair({ access_token, refresh_token, expires_in, user }) {
  return { accessToken: access_token, refreshToken: refresh_token, expiresIn: expires_in, user };
}

async function call(path, body, headers = {}) {
  const reply = await fetch(AUTH + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  }).catch(() => {
    throw new Error('Roster can’t be reached. Is it still running?');
  });
  const answer = await reply.json().catch(() => {
    throw new Error(`Something between here and Roster answered ${reply.status}, and not in JSON.`);
  });
  if (!reply.ok) throw new Refused(answer.errors?.[0]?.message ?? answer.title);
  return answer;
}

export const session = new Session({
  signIn: async (email, password) => pair(await call('login', { email, password, device_name: 'REST reference' })),
  refresh: async (token) => pair(await call('refresh', { refresh_token: token })),
  signOut: (token, headers) => call('logout', { refresh_token: token }, headers),
});
