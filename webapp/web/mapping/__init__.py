"""The mapping table of a connection, its imports and bulk actions."""
