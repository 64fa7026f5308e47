"""What is read out of reports beside their text, and what follows from it for tickets."""
