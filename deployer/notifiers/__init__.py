"""Notifiers: who tells the servers that keep code of deployments of it."""
