"""The evidence log: a Merkle log of everything a plant records, its proofs, and what checks them.

The core takes values and returns values; segments, derived files and the sequencer are the rim of it.
"""
