"""The server: one process that chats, remembers and sleeps for the people of one machine.

In: HTTP and MCP requests, and the pages of a browser. Out: what the facade `Hippo` says. Knows nothing of storage,
training or evaluation: what it needs is on the facade.
"""
