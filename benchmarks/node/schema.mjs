// The part of the schema that both contenders on Node serve.
import { GraphQLScalarType } from 'graphql';
import { move, PAUSE, Refused, RESUME, spawn } from './store.mjs';

export const typeDefs = `
  scalar BigInt
  scalar DateTime
  scalar Decimal

  enum AgentStatus { IDLE WORKING WAITING PAUSED TERMINATED }
  enum ProjectStatus { ACTIVE ARCHIVED }

  type AgentType { id: ID! name: String! slug: String! primaryModel: String! isActive: Boolean! }

  type Agent {
    id: ID!
    agentTypeId: ID!
    name: String!
    status: AgentStatus!
    currentTask: String
    tasksCompleted: BigInt!
    tokensUsed: BigInt!
    costIncurred: Decimal!
    version: Int!
    createdAt: DateTime!
    agentType: AgentType!
  }

  type AgentMetrics {
    totalInstances: BigInt!
    activeInstances: BigInt!
    idleInstances: BigInt!
    pausedInstances: BigInt!
    terminatedInstances: BigInt!
    totalTasksCompleted: BigInt!
    totalTokensUsed: BigInt!
    totalCostIncurred: Decimal!
  }

  type AgentConnection { nodes: [Agent!]! totalCount: Int! }
  type ProjectConnection { nodes: [Project!]! }

  type Project {
    id: ID!
    name: String!
    status: ProjectStatus!
    agents(first: Int = 20): AgentConnection!
    metrics: AgentMetrics!
  }

  type Query {
    project(id: ID!): Project
    agent(id: ID!): Agent
    projects(first: Int = 20): ProjectConnection!
  }

  type UserError { code: String! message: String! }
  type AgentPayload { agent: Agent userErrors: [UserError!]! }
  input SpawnAgentInput { projectId: ID! agentTypeId: ID! name: String! }
  input MoveAgentInput { id: ID! }

  type Mutation {
    spawnAgent(input: SpawnAgentInput!): AgentPayload!
    pauseAgent(input: MoveAgentInput!): AgentPayload!
    resumeAgent(input: MoveAgentInput!): AgentPayload!
  }
`;

// What can't be done is data.
async function payload(done) {
  try {
    return { agent: await done, userErrors: [] };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { agent: null, userErrors: [{ code: error.message, message: error.message }] };
  }
}

export const Mutation = {
  spawnAgent: (_, { input }, { user }) => payload(spawn(user, input)),
  pauseAgent: (_, { input }, { user }) => payload(move(user, input.id, PAUSE)),
  resumeAgent: (_, { input }, { user }) => payload(move(user, input.id, RESUME)),
};

const same = (value) => value;

export const scalars = {
  BigInt: new GraphQLScalarType({ name: 'BigInt', serialize: same }),
  Decimal: new GraphQLScalarType({ name: 'Decimal', serialize: same }),
  DateTime: new GraphQLScalarType({ name: 'DateTime', serialize: (value) => value.toISOString() }),
};
