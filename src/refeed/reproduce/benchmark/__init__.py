"""The paper's comparison of systems, each tuned with the same budget."""
