"""From bytes to a JSON object: what can't be read, is too large or too deep is refused."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from assay.exchange.epcis.faults import Fault, fault, shown

LARGEST: Final = 64 << 20
"""Bytes of the largest document that is read."""
DEEPEST: Final = 64
"""Levels of objects and lists that a document may have; events of the standard have about ten."""


class _NotANumber(ValueError):
    """NaN or Infinity: JSON has no such numbers."""


def _refuse_constant(name: str) -> NoReturn:
    raise _NotANumber(name)


def _real(text: str) -> float:
    value = float(text)
    if value in {float("inf"), float("-inf")}:
        raise _NotANumber(text)
    return value


def read_json(data: bytes) -> tuple[Any, Fault | None]:
    """The value that ``data`` holds, or what keeps it from being read.

    Text is UTF-8 (RFC 8259, section 8.1); a byte order mark is passed over. Of a name that an object has
    twice the last value counts.
    """
    if len(data) > LARGEST:
        return None, fault((), "size", size=f"{len(data):,}", limit=f"{LARGEST:,}")
    try:
        text = data.decode("utf-8-sig")
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_real)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        return None, fault((), "encoding", position=error.start)
    except UnicodeEncodeError:
        return None, fault((), "json", "surrogate")
    except _NotANumber as error:
        return None, fault((), "number", value=shown(str(error)))
    except json.JSONDecodeError as error:
        if not data.strip():
            return None, fault((), "json", "json-empty")
        if text.lstrip().startswith("<"):
            return None, fault((), "json", "json-xml")
        return None, fault((), "json", line=error.lineno, column=error.colno, why=error.msg)
    except RecursionError:
        return None, fault((), "depth", limit=DEEPEST)
    except (ValueError, OverflowError) as error:
        return None, fault((), "number", value=shown(str(error)[:80]))
    return value, None
