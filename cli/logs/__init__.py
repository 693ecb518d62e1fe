"""The log of ``chat server``: what it writes to standard error, and how.

Read in this order: `events` are those of the command line itself, as `chatcore.logs` declares them; `formats`
makes a line of each, as text or JSON; `flood` lets only so many a minute through; `digest` logs once a minute
what peers were refused; and `setup` puts them together.
"""
