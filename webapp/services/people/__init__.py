"""People who may sign in: users, sessions, one-time links, preferences."""
