"""The clocks of tickets: when they are due, until when they wait, and what is told of it."""
