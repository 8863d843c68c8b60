/** GraphiQL, with an account pane, who is signed in at the top, and a tab for each step of the work. */

import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { useGraphiQLActions } from '@graphiql/react';
import { ACCOUNT } from './account.jsx';
import { fetcher } from './fetcher.js';
import { session } from './session.js';
import { starters } from './starters.js';

const PLUGINS = [ACCOUNT, HISTORY_PLUGIN];

export function Explorer() {
  const [first] = useState(() => (session.user ? null : ACCOUNT));
  return (
    <GraphiQL
      fetcher={fetcher}
      plugins={PLUGINS}
      visiblePlugin={first}
      defaultTabs={starters}
      defaultEditorToolsVisibility="variables"
      inputValueDeprecation
      schemaDescription
    >
      <GraphiQL.Logo>
        <WhoIsHere />
      </GraphiQL.Logo>
      <SchemaOfWhoIsHere />
    </GraphiQL>
  );
}

function WhoIsHere() {
  const user = useSyncExternalStore(session.subscribe, () => session.user);
  return (
    <>
      Roster
      <button type="button" className="roster-who" onClick={openAccount}>
        {user ? user.email : 'Sign in'}
      </button>
    </>
  );
}

/** Opens the account pane by its button in the sidebar, since GraphiQL lets only that one unfold a folded pane. */
function openAccount() {
  document.querySelector(`.graphiql-sidebar [aria-label="Show ${ACCOUNT.title}"]`)?.click();
  requestAnimationFrame(() => document.querySelector('.roster-account :is(input, button)')?.focus());
}

/** Asks for the schema again whenever somebody else is here: in production only those who signed in may see it. */
function SchemaOfWhoIsHere() {
  const email = useSyncExternalStore(session.subscribe, () => session.user?.email);
  const { introspect, stop } = useGraphiQLActions();
  const seen = useRef(email);
  useEffect(() => {
    if (seen.current === email) return;
    seen.current = email;
    stop();
    introspect();
  }, [email, introspect, stop]);
  return null;
}
