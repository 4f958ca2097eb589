"""Tests of the Docker engine."""
