"""The outside of notices: one guard for every connection, and a sender for each kind of target."""
