"""The demonstration: one plant from real recordings, the main job on it, and a report that stands alone."""
