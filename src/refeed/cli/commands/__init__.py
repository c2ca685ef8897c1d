"""The commands, one function each: parse, call, print."""
