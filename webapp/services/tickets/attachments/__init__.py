"""Files on tickets: stored once per content, shown, downloaded, removed."""
