"""Which client each Huntress organization is: synchronized, matched, chosen, imported."""
