"""The pages of ``--help``: what is said of a command, and how a page looks.

`command` has the classes of all commands and groups, and is all that a run without ``--help`` loads. It asks
`reading` for the `page` of a command, and `layout` for its lines. `exits` has the exit codes of all commands,
and `headings` those of options that several commands have.
"""
