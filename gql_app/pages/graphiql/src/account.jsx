/** The pane in which one signs in, sees who is signed in, and signs out. */

import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { Button, useGraphiQL } from '@graphiql/react';
import { session } from './session.js';

export const ACCOUNT = { title: 'Account', icon: Person, content: Account };

function Account() {
  const user = useSyncExternalStore(session.subscribe, () => session.user);
  const pane = useRef(null);
  const shown = useRef(user);
  useEffect(() => {
    // What had the focus is gone when somebody has signed in or out.
    if (shown.current?.email !== user?.email) pane.current.focus();
    shown.current = user;
  }, [user]);
  return (
    <section ref={pane} className="roster-account" aria-label="Account" tabIndex={-1}>
      <div className="graphiql-doc-explorer-title">Account</div>
      {user ? <SignedIn user={user} /> : <SignIn />}
    </section>
  );
}

function SignIn() {
  const [problem, setProblem] = useState(session.notice);
  const [busy, setBusy] = useState(false);

  async function submit(event) {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    setBusy(true);
    setProblem('');
    try {
      await session.signIn(given.get('email'), given.get('password'));
    } catch (error) {
      setProblem(error.message);
      setBusy(false);
    }
  }

  return (
    <form onSubmit={submit} aria-label="Sign in">
      <p>Once you are signed in, whatever you run here runs in your name.</p>
      <label htmlFor="email">E-mail address</label>
      <input id="email" name="email" type="email" autoComplete="username" required />
      <label htmlFor="password">Password</label>
      <input id="password" name="password" type="password" autoComplete="current-password" required />
      <p role="alert" className="roster-problem">
        {problem}
      </p>
      <Button type="submit" disabled={busy}>
        {busy ? 'Signing in…' : 'Sign in'}
      </Button>
    </form>
  );
}

function SignedIn({ user }) {
  return (
    <>
      <p role="status">
        Signed in as <strong>{[user.firstName, user.lastName].filter(Boolean).join(' ')}</strong>
        <br />
        {user.email}
        {user.isSuperuser && <span className="roster-badge">Superuser</span>}
      </p>
      <p>Tokens are renewed by themselves, and forgotten when you sign out or close this tab.</p>
      <Button onClick={() => session.signOut()}>Sign out</Button>
    </>
  );
}

function Person(props) {
  const open = useGraphiQL((state) => state.visiblePlugin === ACCOUNT);
  const fill = open ? 'currentColor' : 'none';
  return (
    <svg viewBox="0 0 24 24" height="1em" fill={fill} stroke="currentColor" strokeWidth="1.5" {...props}>
      <circle cx="12" cy="8" r="4.25" />
      <path d="M3.75 21c.9-4.1 4.2-6.25 8.25-6.25S19.35 16.9 20.25 21" strokeLinecap="round" />
    </svg>
  );
}
