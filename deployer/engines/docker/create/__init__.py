"""What Docker is asked to create for one replica of a release; pure.

The dictionaries are those of Docker's API itself (`POST /containers/create`,
https://docs.docker.com/reference/api/engine/): docker-py's own keywords do not reach every
field of it.
"""
