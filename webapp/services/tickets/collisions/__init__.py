"""Several people on one ticket: what their forms showed, and what others did meanwhile."""
