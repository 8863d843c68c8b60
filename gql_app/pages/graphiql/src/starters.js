/** The tabs of a first visit: src/starters holds a document for each, and its variables beside it. */

const documents = import.meta.glob('./starters/*.graphql', { query: '?raw', import: 'default', eager: true });
const variables = import.meta.glob('./starters/*.json', { query: '?raw', import: 'default', eager: true });

export const starters = Object.keys(documents)
  .sort()
  .map((path) => ({
    query: documents[path],
    variables: variables[path.replace('.graphql', '.json')] ?? '{}',
  }));
