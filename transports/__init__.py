"""Interchangeable transports: what moves bytes between sockets and sessions."""
