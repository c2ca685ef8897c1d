"""Optimisers and their options: what several fitters step with."""
