"""Storage of files outside: where backups can go."""
