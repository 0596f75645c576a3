"""The pages people use: chat with what was recalled beside it, memories, facts, places, nights, status.

In: an app and the house of its routes. Out: pages at /, /memories, /facts, /places, /sleep, /status and /login. Every
asset comes from this server. Knows nothing of storage or models: pages call the facade.
"""

from hippo_mem.serve.web.pages import add_to

__all__ = ["add_to"]
