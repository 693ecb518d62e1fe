"""The commands, one in each file, called by `cli.declarations` when they are used.

Read in this order: `server`; `client`, which picks `cli.terminal` or `pipe`, and its `reset`; `send`, `tail`,
`rooms`, `search` and `status`, for scripts; `join` and `trust`, for servers with accounts; `history`, `room`,
`backup`, which restores too, and `doctor`, for journals and installations; `account`, `invite`, `ban` and
`audit`, for accounts; `cluster_config`, `cluster_status`, `cluster_remove` and `cluster_changes`, for several
servers; `config`, `transports`, `journals` and `bench`. ``chat schema`` is so short that it has no file.
"""
