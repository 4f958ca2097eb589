"""Proxies: what sends requests to the replicas, made to serve exactly the routes."""
