"""Pages for people: GraphiQL and the REST reference, built from npm packages, served by Roster alone."""
