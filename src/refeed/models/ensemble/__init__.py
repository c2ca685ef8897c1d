"""Blends of several models, with weights learnt on the validation set."""
