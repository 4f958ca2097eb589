"""What examples/ holds, used as a reader would use it."""
