"""The poll cycle from claim to result, and the pages and requests that people make about it."""
