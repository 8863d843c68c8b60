import 'swagger-ui-dist/swagger-ui.css';
import './page.css';
import SwaggerUI from 'swagger-ui-dist/swagger-ui-es-bundle.js';
import { showAccount } from './account.js';
import { pair, session } from './session.js';

const DOCUMENT = '/api/v1/openapi.json';
// Whoever runs these from the page is signed in by them.
const SIGN_INS = /\/api\/v1\/auth\/(login|refresh)$/;

/** Speaks for whoever is signed in, unless the operation was given a token of its own. */
async function speakFor(request) {
  if (!request.headers.Authorization && !request.loadSpec) {
    const token = await session.token();
    if (token) request.headers.Authorization = `Bearer ${token}`;
  }
  return request;
}

function listen(response) {
  if (response.ok && SIGN_INS.test(response.url)) session.accept(pair(response.body));
  return response;
}

/** Follows the system in light and dark. */
function followTheSystem() {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const dress = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
  dark.addEventListener('change', dress);
  dress();
}

followTheSystem();
await session.restore();
showAccount();
SwaggerUI({
  url: DOCUMENT,
  dom_id: '#reference',
  presets: [SwaggerUI.presets.apis],
  layout: 'BaseLayout',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  requestInterceptor: speakFor,
  responseInterceptor: listen,
});
