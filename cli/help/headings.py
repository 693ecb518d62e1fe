"""Headings of options that several commands have."""

__all__ = ["ACCOUNTS", "CERTIFICATES", "MESSAGES", "SERVER_AND_YOU"]

SERVER_AND_YOU = "Server and you"
"""Where the server is, who you are there, and why each believes the other."""

CERTIFICATES = "Certificates"
MESSAGES = "Messages"
ACCOUNTS = "Accounts"
