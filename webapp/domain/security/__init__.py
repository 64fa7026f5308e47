"""Rules of the security of the product: the audit chain, its events, what needs a look."""
