"""Boards, categories, priorities, statuses, ticket numbers, configuration."""
