"""The reverse proxies of `deploy`, run as they are handed out, but for names of files and ports."""
