"""Presets, and one file per figure or table of the paper."""
