"""The search of the ticket list: its operators as filters, matches in context, similar names."""
