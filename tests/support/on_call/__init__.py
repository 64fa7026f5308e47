"""Parts for tests of on-call duty."""
