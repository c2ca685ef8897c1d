"""Commands that make a model folder or use one."""
