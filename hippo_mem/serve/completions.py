"""The OpenAI-compatible API under /v1. In work."""

from importlib.metadata import version as _v

from fastapi import APIRouter

VERSION = _v("hippo-memory")


def router(house):
    return APIRouter()
