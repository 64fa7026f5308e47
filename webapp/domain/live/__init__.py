"""What pages that stay open are told."""
