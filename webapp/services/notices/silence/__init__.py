"""Targets and people's contact methods: adding, editing, trying, reading them."""
