"""Engines: what runs releases as containers."""
