"""One suite for each contract of ports.py: every implementation and every fake passes it."""
