"""A load test: members of one room that post, read, and check every message that each of them gets.

It shares no code with the clients of the library, so that it does not share their mistakes.

Read in this order: `plan` says what to do, and `ledger` what was posted. `frames` decodes a line; `log` holds
the room's messages as the first reader has read them, and `reader` with `verifier` compares all others with
it. `outgoing` and `poster` make the posts. Then `participant` and `engine`, the only ones that do I/O, and
`histogram` and `tally`, the results.
"""
