"""The outside of signing in: an identity provider that speaks OpenID Connect."""
