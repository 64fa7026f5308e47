"""What people write on tickets: how it is read, who is mentioned, how it is edited."""
