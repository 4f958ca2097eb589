"""The process that faces the network: hooks, API and probes; it can only read and record."""
