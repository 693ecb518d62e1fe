"""Whole hubs that share a journal and a directory, over two logs with faults, in virtual time.

A seed decides everything: which entries are lost, repeated, late or out of order, which node is cut off,
paused or killed (and begins again with an older copy of its file), and who comes, moves to another node,
talks, leaves or is put out.

- `node` is one of the hubs, `guest` somebody's connection to it, with what was asked and not answered yet;
- `roll` is what the log of who is here says at each of its positions, and `ledger` what is stored, as the
  node says that reads it first: both are the truth for all nodes;
- `judge` compares with that what the guests of a node were told, after each entry that the node has read;
- `cluster` puts them together, and is chaos;
- `calm` is the end: faults are over, everybody comes, and all nodes have to agree, and forget who has left.

How the frames of one hub follow each other is judged by the other simulations: here, whatever can happen on
one node without its logs happens within one step. A failing seed is replayed exactly::

    python -m tests.simulation --shared 4711
"""
