"""The steps from each schema to the next, run by `schema.migrate` and by nothing else."""
