"""Deliveries of every sender, each with the verdict that it must get; all of them invented."""
