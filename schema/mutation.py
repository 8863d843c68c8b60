"""What can be done: one line a root field, each over one verb."""

import strawberry

from resolvers import agent_types, agents, auth, members, projects, sessions, users
from schema.payload import mutation
from schema.types.agent_types import AgentType
from schema.types.agents import Agent
from schema.types.projects import Member, Project
from schema.types.users import User


@strawberry.type(description="What can be done. What a caller can expect to go wrong is in `userErrors`.")
class Mutation:
    spawn_agent = mutation("SpawnAgent", agents.spawn, agent=Agent)
    update_agent = mutation("UpdateAgent", agents.update_one, agent=Agent)
    pause_agent = mutation("PauseAgent", agents.pause, agent=Agent)
    resume_agent = mutation("ResumeAgent", agents.resume, agent=Agent)
    terminate_agent = mutation("TerminateAgent", agents.terminate, agent=Agent)
    transition_agent = mutation("TransitionAgent", agents.transition, agent=Agent)

    create_agent_type = mutation("CreateAgentType", agent_types.create, agent_type=AgentType)
    update_agent_type = mutation("UpdateAgentType", agent_types.update_one, agent_type=AgentType)
    deactivate_agent_type = mutation("DeactivateAgentType", agent_types.deactivate, agent_type=AgentType)

    create_project = mutation("CreateProject", projects.create, project=Project)
    update_project = mutation("UpdateProject", projects.update_one, project=Project)
    archive_project = mutation("ArchiveProject", projects.archive, project=Project)
    add_project_member = mutation("AddProjectMember", members.add, member=Member)
    update_project_member = mutation("UpdateProjectMember", members.update_one, member=Member)
    remove_project_member = mutation("RemoveProjectMember", members.remove)

    register = mutation("Register", auth.register, user=User)
    login = mutation("Login", auth.login)
    refresh_token = mutation("RefreshToken", auth.refresh)
    logout = mutation("Logout", auth.logout)
    logout_all = mutation("LogoutAll", auth.logout_all)
    update_viewer = mutation("UpdateViewer", users.update_me, user=User)
    change_password = mutation("ChangePassword", users.change_password)
    revoke_session = mutation("RevokeSession", sessions.revoke)
    clean_up_sessions = mutation("CleanUpSessions", sessions.clean_up)

    create_user = mutation("CreateUser", users.create, user=User)
    update_user = mutation("UpdateUser", users.administer, user=User)
    delete_user = mutation("DeleteUser", users.delete)
    activate_users = mutation("ActivateUsers", users.activate_many)
    deactivate_users = mutation("DeactivateUsers", users.deactivate_many)
