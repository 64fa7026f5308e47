"""Backup and restore: making, checking, keeping and putting back one encrypted file."""
