"""The rules of working on tickets: who is mentioned, what is due, what belongs together."""
