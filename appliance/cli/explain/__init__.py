"""Explaining the objects that travel: what one is, who signed it, what would become of it and why.

`things` reads, `objects` describes, `notes` looks for all that is wrong, `anchored`, `as_device` and
`as_box` ask the verifiers that vendor's machines use. Nothing here decides anything, or changes anything.
"""

from appliance.cli.explain.objects import Explanation
from appliance.cli.explain.text import told

__all__ = ["Explanation", "told"]
