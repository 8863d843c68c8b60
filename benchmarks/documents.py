"""The GraphQL documents that are sent, the same for each contender."""

LIST = """
query List($id: ID!) {
  project(id: $id) {
    agents(first: 100) {
      nodes {
        id name status currentTask tasksCompleted tokensUsed costIncurred createdAt
        agentType { id name slug primaryModel isActive }
      }
    }
  }
}
"""
ONE = """
query One($id: ID!) {
  agent(id: $id) { id name status currentTask tasksCompleted tokensUsed costIncurred createdAt }
}
"""
STEP = """
mutation Step($id: ID!) {
  %sAgent(input: { id: $id }) { agent { id name status version } userErrors { code message } }
}
"""
SPAWN = """
mutation Spawn($input: SpawnAgentInput!) {
  spawnAgent(input: $input) { agent { id name status version agentTypeId } userErrors { code message } }
}
"""
DASHBOARD = """
query Dashboard {
  projects(first: 10) {
    nodes {
      id name status
      metrics {
        totalInstances activeInstances idleInstances pausedInstances terminatedInstances
        totalTasksCompleted totalTokensUsed totalCostIncurred
      }
      agents(first: 20) { totalCount nodes { id name status tasksCompleted tokensUsed costIncurred } }
    }
  }
}
"""
