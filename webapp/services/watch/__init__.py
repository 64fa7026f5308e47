"""Watching over the product itself: alarms, the heartbeat, drills, summaries and metrics."""
