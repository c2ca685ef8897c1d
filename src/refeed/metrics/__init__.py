"""Metrics of predicted ratings and ranked lists, as pure functions of arrays."""
