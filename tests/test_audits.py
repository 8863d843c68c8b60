"""GraphQL over HTTP, audited by the reference implementation's own suite over a real socket."""

from tests.node_tools import Node

AUDITS = 61


async def test_every_audit_of_graphql_over_http_passes(node: Node, address: str):
    found = await node.run("audits.mjs", f"{address}/graphql")
    assert len(found) == AUDITS
    failing = [f"{audit['id']} {audit['name']}: {audit['reason']}" for audit in found if audit["status"] != "ok"]
    assert failing == []
