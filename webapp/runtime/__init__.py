"""Running processes: data directory, embedded Valkey, supervisor, web server, logging."""
