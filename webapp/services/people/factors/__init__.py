"""Second factors: authenticator apps, passkeys, recovery codes, and who has to have one."""
