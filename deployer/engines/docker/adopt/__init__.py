"""From a running container to the spec that would make it: the way back of `create`; pure.

Dictionaries are those of Docker's API (`GET /containers/{id}/json` and `/images/{id}/json`).
Inspect shows the image's defaults merged into the container's own settings, so they are taken
off again: a later image's own must apply. Only `examine` asks Docker.
"""
