"""The server: what one hub does for its connections."""
