"""What another project adds to a chat server: a transport, a journal and a gate, of public names only.

`tests/test_packaging.py` builds a distribution of it and installs that beside ours.
"""
