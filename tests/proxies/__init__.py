"""The server behind nginx and Caddy, by the configurations of ``docs/browser.md``."""
