"""The OpenAPI document, for generating types: ``python -m assay.api.openapi > web/openapi.json``."""

from __future__ import annotations

import json
import sys
from typing import Any

from assay.api.app import assemble
from assay.api.settings import ApiSettings


def document() -> dict[str, Any]:
    """The OpenAPI document of the API; needs no plant."""
    return assemble(ApiSettings()).openapi()


def main() -> None:
    """Write the document to standard output."""
    sys.stdout.write(json.dumps(document(), indent=1, ensure_ascii=False, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
