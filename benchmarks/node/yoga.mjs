// GraphQL Yoga on Node's own HTTP server, its edges loaded by DataLoader.
import { createServer } from 'node:http';
import DataLoader from 'dataloader';
import { GraphQLError } from 'graphql';
import { createSchema, createYoga } from 'graphql-yoga';
import { Mutation, scalars, typeDefs } from './schema.mjs';
import * as store from './store.mjs';

function loaders() {
  const agents = new Map();
  return {
    types: new DataLoader(store.typesByIds),
    metrics: new DataLoader(store.metrics),
    totals: new DataLoader(store.totals),
    agents(first) {
      if (!agents.has(first)) agents.set(first, new DataLoader((ids) => store.agentsBelow(ids, first)));
      return agents.get(first);
    },
  };
}

const yoga = createYoga({
  schema: createSchema({
    typeDefs,
    resolvers: {
      ...scalars,
      Mutation,
      Query: {
        project: (_, { id }, { user }) => store.project(user, id),
        agent: (_, { id }, { user }) => store.agent(user, id),
        projects: async (_, { first }, { user }) => ({ nodes: await store.projects(user, first) }),
      },
      Agent: { agentType: (agent, _, { load }) => load.types.load(agent.agentTypeId) },
      Project: {
        agents: async ({ id }, { first }, { load }) => ({ projectId: id, nodes: await load.agents(first).load(id) }),
        metrics: ({ id }, _, { load }) => load.metrics.load(id),
      },
      AgentConnection: { totalCount: ({ projectId }, _, { load }) => load.totals.load(projectId) },
    },
  }),
  context: async ({ request }) => {
    const user = await store.whoAsks(request.headers.get('authorization') ?? '');
    if (!user) throw new GraphQLError('Sign in.', { extensions: { http: { status: 401 } } });
    return { user, load: loaders() };
  },
  logging: false,
  graphiql: false,
  landingPage: false,
});

createServer(yoga).listen(Number(process.argv[2]), '127.0.0.1');
