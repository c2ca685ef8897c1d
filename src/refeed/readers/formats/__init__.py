"""The formats of sources, one file each."""
