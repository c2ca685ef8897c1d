"""How benchmarks measure: quiet machines, sides in turn, processes of their own, and the form of their results."""
