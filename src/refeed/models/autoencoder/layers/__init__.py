"""Layers and activations of networks."""
