import 'graphiql/setup-workers/vite';
// Not graphiql/style.css: that one brings Monaco's styles a second time, and fonts in data: addresses.
import '@fontsource/roboto/latin-400.css';
import '@fontsource/roboto/latin-500.css';
import '@fontsource/fira-code/latin-400.css';
import '@graphiql/react/style.css';
import '@graphiql/plugin-doc-explorer/style.css';
import '@graphiql/plugin-history/style.css';
import 'graphiql/graphiql.css';
import './page.css';
import { createRoot } from 'react-dom/client';
import { Explorer } from './explorer.jsx';
import { session } from './session.js';

await session.restore();
createRoot(document.getElementById('root')).render(<Explorer />);
