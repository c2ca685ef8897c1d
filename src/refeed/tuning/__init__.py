"""The search of a model's options on the validation set."""
