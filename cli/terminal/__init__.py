"""`chat client` in a terminal."""
