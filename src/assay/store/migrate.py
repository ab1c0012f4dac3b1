"""Bring a registry to the newest revision."""

from __future__ import annotations

import sqlalchemy as sa

from assay.model.errors import StoreError

HEAD = "0006"
"""The revision this version of Assay reads and writes."""

_ADVISORY_LOCK = 0x4173736179  # "Assay": one migration at a time per PostgreSQL database


def revision(connection: sa.Connection) -> str | None:
    """The revision of the registry, or None for an empty database."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found is not None else None


def migrate(engine: sa.Engine, *, to: str = HEAD) -> None:
    """Run the migrations that are missing up to a revision; does nothing on a registry that is there.

    Raises
    ------
    StoreError
        The registry was written by a newer version of Assay.
    """
    with engine.begin() as connection:
        if revision(connection) == to:
            return
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        # Alembic takes a quarter of a second to import, and most openings need no migration.
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", "assay.store:migrations")
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        for one in (revision(connection), to):
            if one is not None and one not in known:
                raise StoreError(
                    f"the registry has revision {one!r}, which this version of Assay does not know",
                    hint="Use the version of Assay that wrote it, or a newer one.",
                )
        config.attributes["connection"] = connection
        command.upgrade(config, to)
