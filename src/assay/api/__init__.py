"""The web API and the server of the pages."""

from assay.api.app import create_app, serve
from assay.api.auth import ensure_administrator, reset_administrator
from assay.api.settings import ApiSettings

__all__ = ["ApiSettings", "create_app", "ensure_administrator", "reset_administrator", "serve"]
