"""What a client in a terminal remembers between two runs.

`slots` says which file is whose, `slot` is one that we own, `file` and `lock` are what it consists of on the
disk, `records` how a line of it is written, and `remembered` what the lines mean together. `reset` removes
slots, and `moving` takes them to another address.
"""
