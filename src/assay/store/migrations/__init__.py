"""Alembic migrations of the registry; run when a plant is created or opened."""
