"""The audit trail: who was refused, the chain of hashes, its seals, what leaves the machine."""
