"""What the library's files have in common that SQLite stores: the journal, and the accounts.

`private` has the modes of files, `identity` tells which file a name leads to, `database` is how a file is
opened, what makes a write last and which files are refused, and `words` says what is wrong with one, and what
to do about it.
"""
