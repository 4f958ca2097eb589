"""Tests of registries and their credentials."""
