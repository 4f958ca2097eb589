"""Every point at which a worker can be killed, on real parts and under load."""
