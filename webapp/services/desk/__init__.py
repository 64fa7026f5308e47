"""What a ticket needs around it: clients and assets, boards, categories, priorities, statuses."""
