"""Heads of evidence logs anchored on an EVM chain, and contracts that settle on anchored evidence.

What needs web3 is imported where it is used; the error without it names the extra ``chain``.
"""

import sys
from contextlib import suppress

# web3's py_ecc raises the limit for the whole process when it is first imported, and text that is nested too
# deeply would then end the process instead of being refused.
_limit = sys.getrecursionlimit()
with suppress(ImportError):
    import py_ecc  # noqa: F401
sys.setrecursionlimit(_limit)
