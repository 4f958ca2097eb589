"""What config.yml may say, and what is said about one that is wrong."""
