"""What is said after a change of tickets."""
