"""A load test: members of one room that post, read, and check every message that every one of them gets.

Read in this order: `plan`, `ledger`, `log`, `reader` with `verifier`, `poster`; then `participant`
and `engine`, the only ones that do I/O, and `tally`, what comes of it.
"""
