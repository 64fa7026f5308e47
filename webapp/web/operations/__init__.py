"""Dashboard, audit log and health."""
