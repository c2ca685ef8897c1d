"""Commands that train many models: the search of options, and the paper's experiments."""
