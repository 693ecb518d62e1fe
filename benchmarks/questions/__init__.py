"""The questions, a module each: ``ask`` measures, ``shown`` makes a table of the answer."""
