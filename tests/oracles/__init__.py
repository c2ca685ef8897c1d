"""What tests compare refeed with, and benchmarks time it against: the original program's mathematics in plain PyTorch."""
