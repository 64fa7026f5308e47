"""Who is on call: the rotation, overrides, and the calendar of it."""
