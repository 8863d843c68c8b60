"""Who is measured beside Roster, in Python; each is a server of its own."""
