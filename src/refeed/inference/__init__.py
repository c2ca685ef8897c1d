"""Predictions and recommendations of a fitted model."""
