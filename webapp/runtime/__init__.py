"""What runs processes: data directory, embedded Valkey, supervisor, web server, logging."""
