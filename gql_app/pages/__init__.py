"""Pages for people: GraphiQL, built from npm packages, served by Roster alone."""
