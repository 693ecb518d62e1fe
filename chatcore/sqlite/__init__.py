"""What the library's files have in common that SQLite stores: the journal, and the accounts.

`identity` tells which file a name leads to, `database` is how a file is opened, what makes a write last and
which files are refused, and `words` says what is wrong with one, and what to do about it. `partial` is a file
that appears when it is complete, `copying` makes a copy of a database, and `replacing` puts one in the place
of another. The modes of files are those of `chatcore.private`.
"""
