"""The gate: which records may become evidence, judged by policies that are data, from what was logged before.

Pure and deterministic: the same policies, inputs and records give the same verdicts to whoever replays them.
"""
