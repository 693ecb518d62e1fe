"""What it costs: one question a module in `benchmarks.questions`, all of them in about fifteen minutes.

`make bench` asks them all, `make bench ARGS='flood idle'` some. Each answer is a file in
``benchmarks/results``; the tables and plots of ``docs/performance.md`` are drawn from these files.

How it is measured, so that a number means something on a machine that others use too:

- The load comes from a program of our own (``load.c``) that is much cheaper than any server here. It
  counts every copy, and reports each that was lost or came twice.
- The yardstick is ``floor.c``, which only hands bytes on. What counts is the ratio to it.
- Rounds are interleaved: ours, the floor, ours, the floor. The median is reported, with the spread.
"""
