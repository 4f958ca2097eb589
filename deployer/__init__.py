"""Push-to-deploy: a registry's webhook puts the new image live behind Nginx."""

__version__ = "0.1.0"
