"""Who you are on which server: the keys that prove it, and the links that lead there.

Read in this order: `keys`, the file that has them; `links` and `page`, what ``chat join`` is given; `trust`,
how a certificate is known; `login`, what a command needs in order to connect; and `guests`, where those begin
who may not enter every room.
"""
