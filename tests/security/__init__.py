"""What somebody can and cannot do who got hold of a part: see docs/security.md."""
