"""Jobs: to be ordered, waited for, resumed and looked for. Performs no I/O."""
