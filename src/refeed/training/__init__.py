"""Fitting models: one loop, one fitter for each kind of model."""
