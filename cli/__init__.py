"""The command line: ``chat server``, ``chat client`` and the tools for both.

It stands on the public names of the library, like any other program that uses it.

Read in this order: `app` has all commands, whose options are in `declarations`, and `__main__` runs it;
`help` makes their pages; `report` turns errors into lines and exit codes, `warned` warnings; `commands` has a
file for each command, and `settings` what they read from the environment and from ``chat.toml``. Then what
the commands share: `streams` is what they write to, `row` is one that changes, `columns` is for lists, and
`last_warning` knows why a log failed; `stdin` and `stdout` are for scripts, whose input is made fit by
`texts` with `escapes` and `graphemes`, or read by `frames`, and `held` says when it must wait; `lines`,
`gap`, `sanitize` and `wrap` are for what others wrote, `queries` and `times` for what is looked for, `places`
and `directories` for the user's files, `names` for those of rooms and people, and `descriptors` for the limit
of open files.

`serving` is a server that runs. It has `listeners`, and a `door`, which says where they may be; `ports` says
which are free, `handed_over` is for sockets that are bound already, and `page_address` for what to open in a
browser. It has a `console` for what it says, `logs` for what it logs, `published` for what links to it begin
with, `connect_file` for what its page says of it, `stop` for the signals that end it, with `hangup` until it
has started, `systemd` for what has started it, and `metrics` for whoever watches it. `checks` is for ``chat
doctor``, with `log_checks` for what servers share, `stream_checks` for any stream of it and `log_copies` for
this machine's copies, and `returned` for ``chat restore``. `access` has a client's keys, and the links that
let it in, and `state` has what it remembers; `where` names the address where it is connected again, and
`let_in` waits where a server lets nobody in yet. The two large parts are packages of their own: `terminal` is
``chat client`` in a terminal, `load` is ``chat bench``.
"""
