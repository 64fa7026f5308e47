"""What tests of signing in share."""
