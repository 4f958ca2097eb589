"""Registries: what a tag means, and the credentials to ask with."""
