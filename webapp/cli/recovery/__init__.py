"""Commands about backups and restores."""
