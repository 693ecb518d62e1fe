"""``chat client`` in a terminal.

Read in this order:

- input and output: `input` is what a typed line means, with `moderation` for some commands; `surface` the
  seam to a kind of terminal, `screen` and `plain` the two kinds; the `background` that a terminal has;
  `input_history`, `editor`, `signals`; the `typeahead` from before there is a prompt;
- what a conversation knows: `rooms`, and `presence` and `nicks` in each; `attention`, `interests`, `bell`,
  `notices`, `scrollback`, `unsent`; `memory` of the last run, `returns` to its rooms, `skipped_mentions`, and
  the `wanted_nick`; the `outbox` of what the user has sent, the `offers` of what nothing sends by itself,
  by the lines' `ages`, and `drafts`;
- how it looks: `painter`, `folds`, `colours`, `palette`, `mentions`, `hits`, `excerpt`, `status`,
  `completion`;
- whether the server answers: `heartbeat`, with `waiting`; at which address: `whereabouts`;
- what it says: `conversation` of each event, with `news`, and `answers` to each command, with `help`;
- what it does: the `command_queue` and its `commands`, with `paging`, which loads older messages and lists of
  rooms, `searches` and `times`; `dial`, which makes the first connection, with `patience` and what is `kept`
  meanwhile; `entrance` into the first rooms; `app`, which puts everything together; `start`, `options`.
"""
