"""The rows that tickets refer to: clients, assets, boards, categories, priorities, statuses."""
