"""The page of the chat. In work."""

from nicegui import ui


def draw(visit):
    ui.label("chat")
