"""Poll history, progress, quarantine and last exchanges of a connection."""
