"""The ledger: a Merkle tree over the history of each list, and checkpoints that this deployment signs."""
