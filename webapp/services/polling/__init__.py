"""The poll cycle, from claim to result, and what people ask of it."""
