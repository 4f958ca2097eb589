"""Starts the real parts that tests and the demo need: engine, registry, images, load."""
