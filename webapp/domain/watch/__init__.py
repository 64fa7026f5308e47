"""Rules of watching over the product itself: alarms, the heartbeat, proofs and summaries."""
