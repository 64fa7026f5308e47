"""The rules of backup and restore: when one is due, what is kept, what a restore changes."""
