"""The commands as they are typed: what each takes, and its help.

A function here only declares that, and hands over to a file of `cli.commands`, which it imports when it is
called. Read `servers`, for those who run one, `cluster`, for those who run several, `accounts`, for those who
let people in, `clients`, for those who use one, and `trust`, for which one that is.
"""
