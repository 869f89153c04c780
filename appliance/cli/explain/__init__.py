"""Explaining the objects that travel: what one is, in a sentence; who signed it; every field.

Nothing here decides anything. Signatures are held against the keys that came along, no further.
"""

from appliance.cli.explain.objects import Explanation, explain
from appliance.cli.explain.text import told

__all__ = ["Explanation", "explain", "told"]
