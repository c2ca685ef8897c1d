"""The paper's experiments on any ratings: ablations, a benchmark of systems, and a report of both."""
