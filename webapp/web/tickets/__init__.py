"""The ticket list, one ticket, new tickets, recorded incidents."""
