"""In-memory implementations of the contracts that can be told to misbehave."""
