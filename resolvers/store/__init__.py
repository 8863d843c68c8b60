"""The cellar: PostgreSQL, its tables and migrations, and the event log."""
