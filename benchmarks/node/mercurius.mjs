// Mercurius on Fastify, its queries compiled by graphql-jit from the first use on, its edges loaded by loaders.
import Fastify from 'fastify';
import mercurius from 'mercurius';
import { Mutation, scalars, typeDefs } from './schema.mjs';
import * as store from './store.mjs';

const app = Fastify();

app.register(mercurius, {
  schema: typeDefs,
  jit: 1,
  context: async (request) => {
    const user = await store.whoAsks(request.headers.authorization);
    if (!user) throw new mercurius.ErrorWithProps('Sign in.', {}, 401);
    return { user };
  },
  resolvers: {
    ...scalars,
    Mutation,
    Query: {
      project: (_, { id }, { user }) => store.project(user, id),
      agent: (_, { id }, { user }) => store.agent(user, id),
      projects: async (_, { first }, { user }) => ({ nodes: await store.projects(user, first) }),
    },
  },
  loaders: {
    Agent: {
      agentType: (queries) => store.typesByIds(queries.map(({ obj }) => obj.agentTypeId)),
    },
    Project: {
      agents: async (queries) => {
        const ids = queries.map(({ obj }) => obj.id);
        const below = await store.agentsBelow(ids, queries[0].params.first);
        return ids.map((id, number) => ({ projectId: id, nodes: below[number] }));
      },
      metrics: (queries) => store.metrics(queries.map(({ obj }) => obj.id)),
    },
    AgentConnection: {
      totalCount: (queries) => store.totals(queries.map(({ obj }) => obj.projectId)),
    },
  },
});

await app.listen({ port: Number(process.argv[2]), host: '127.0.0.1' });
