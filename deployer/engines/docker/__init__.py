"""Docker Engine through its API, with one client a thread."""
