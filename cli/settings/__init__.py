"""Settings: from flags, from the environment, and from the file ``chat.toml``.

Read in this order: `options` finds out from the commands which settings there are, and reads the environment;
`file` reads ``chat.toml``, with `keys` and `colours`, and `effective` and `toml` print what commands use;
`shared` declares the options that several commands have, and `addresses` are a server's by default. Then the
values with a notation of their own, `journals`, `nats_journal`, `accounts`, `nats_accounts`,
`nats_passwords`, `limits`, `durations`, `certificates` and `web`; `server`, by which commands use the files
of `chat server`; and `complete`, which offers all of this to a shell.
"""
