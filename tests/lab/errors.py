"""The one error of the lab: what failed, why, and what to do about it."""


class LabError(Exception):
    """A part of the lab could not be started or used; the message is meant for a person."""
