"""What the rows of the ticket list hold, how they are grouped, and which columns a person sees."""
