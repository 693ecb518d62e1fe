"""Pages of help, and the man pages."""
