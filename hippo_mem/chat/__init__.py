"""A chat turn: what was said is kept or gated, memory is asked, and the answer comes piece by piece with its sources.

In: a conversation, an open store, an engine. Out: a `ChatTurn` to iterate. Knows nothing of terminals, servers or
training.
"""

from hippo_mem.chat.chatting import Chatting
from hippo_mem.chat.turn import ChatTurn, Source
from hippo_mem.lm.chat_template import Message

__all__ = ["ChatTurn", "Chatting", "Message", "Source"]
