/** Who is signed in to GraphiQL, through GraphQL. */

import { post } from './http.js';
import { Refused, Session } from './tokens.js';

const TOKENS = 'accessToken refreshToken expiresIn user { email firstName lastName isSuperuser }';
const LOGIN = `mutation Login($input: LoginInput!) {
  login(input: $input) { ${TOKENS} userErrors { message } }
}`;
const REFRESH = `mutation RefreshToken($input: RefreshTokenInput!) {
  refreshToken(input: $input) { ${TOKENS} userErrors { message } }
}`;
const LOGOUT = `mutation Logout($input: LogoutInput!) {
  logout(input: $input) { userErrors { message } }
}`;

async function call(query, field, input, headers) {
  const answer = await post({ query, variables: { input } }, headers);
  const payload = answer.data?.[field];
  const [refusal] = [...(answer.errors ?? []), ...(payload?.userErrors ?? [])];
  if (refusal) throw new Refused(refusal.message);
  return payload;
}

export const session = new Session({
  signIn: (email, password) => call(LOGIN, 'login', { email, password, deviceName: 'GraphiQL' }),
  refresh: (refreshToken) => call(REFRESH, 'refreshToken', { refreshToken }),
  signOut: (refreshToken, headers) => call(LOGOUT, 'logout', { refreshToken }, headers),
});
