/** The bar at the top, where one signs in, sees who is signed in, and signs out. */

import { session } from './session.js';

const form = document.getElementById('sign-in');
const problem = form.querySelector('[role=alert]');
const button = form.querySelector('button');
const here = document.getElementById('signed-in');

function show() {
  const { user } = session;
  form.hidden = Boolean(user);
  here.hidden = !user;
  here.querySelector('[role=status]').textContent = user ? `Signed in as ${user.email}` : '';
  problem.textContent = session.notice;
}

async function signIn(event) {
  event.preventDefault();
  const given = new FormData(form);
  button.disabled = true;
  problem.textContent = '';
  try {
    await session.signIn(given.get('email'), given.get('password'));
    form.reset();
    here.querySelector('button').focus();
  } catch (error) {
    problem.textContent = error.message;
  } finally {
    button.disabled = false;
  }
}

/** Fills the bar, now and whenever somebody signs in or out. */
export function showAccount() {
  session.subscribe(show);
  form.addEventListener('submit', signIn);
  here.querySelector('button').addEventListener('click', () => session.signOut());
  show();
}
