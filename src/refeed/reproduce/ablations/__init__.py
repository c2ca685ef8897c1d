"""The paper's ablations: activations, width, depth, dropout and dense re-feeding."""
