"""Who may reach which memory."""

from __future__ import annotations

import json
import stat

import pytest

from hippo_mem.errors import InputError, StoreFormatError
from hippo_mem.serve.access import Access, AccessDenied, Tokens, is_loopback


def test_a_token_reaches_its_user_alone_and_is_kept_as_a_hash(tmp_path):
    tokens = Tokens(tmp_path)
    _, ana = tokens.issue("ana")
    tokens.issue("ben")
    access = Access(tokens=tokens, open=False)
    assert access.user_for(ana) == "ana"
    assert access.user_for(ana, "ana") == "ana"
    with pytest.raises(AccessDenied, match="'ben'") as refused:
        access.user_for(ana, "ben")
    assert refused.value.status == 403
    assert ana not in tokens.path.read_text()
    assert stat.S_IMODE(tokens.path.stat().st_mode) == 0o600


@pytest.mark.parametrize("token", [None, "", "hippo_wrong", "sk-anything"])
def test_without_a_valid_token_nobody_gets_in_where_one_is_needed(tmp_path, token):
    tokens = Tokens(tmp_path)
    tokens.issue("ana")
    with pytest.raises(AccessDenied) as refused:
        Access(tokens=tokens, open=False).user_for(token, "ana")
    assert refused.value.status == 401


def test_on_this_machine_a_placeholder_is_fine_but_a_false_token_is_not(tmp_path):
    access = Access(tokens=Tokens(tmp_path), open=True)
    assert access.user_for("sk-placeholder") == "default"
    assert access.user_for(None, "ana") == "ana"
    with pytest.raises(AccessDenied, match="not valid"):
        access.user_for("hippo_false", "ana")
    with pytest.raises(InputError, match="not valid"):
        access.user_for(None, "../ana")


def test_a_revoked_token_is_refused_at_once_by_a_server_that_runs(tmp_path):
    running = Access(tokens=Tokens(tmp_path), open=False)
    other = Tokens(tmp_path)  # another process
    token_id, token = other.issue("ana")
    assert running.user_for(token) == "ana"
    other.revoke(token_id)
    with pytest.raises(AccessDenied):
        running.user_for(token)
    with pytest.raises(InputError, match="there are: none"):
        other.revoke(token_id)


def test_a_damaged_file_lets_nobody_in(tmp_path):
    tokens = Tokens(tmp_path)
    _, token = tokens.issue("ana")
    tokens.path.write_text("[{]")
    with pytest.raises(StoreFormatError, match="issue tokens anew"):
        tokens.user_of(token)
    tokens.path.write_text(json.dumps([{"user": "ana"}]))
    with pytest.raises(StoreFormatError):
        Tokens(tmp_path).user_of(token)


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("localhost", True), ("::1", True), ("[::1]", True), ("0.0.0.0", False),
     ("192.168.0.2", False), ("::", False), ("example.org", False)],
)  # fmt: skip
def test_what_can_be_reached_from_this_machine_alone(host, local):
    assert is_loopback(host) is local
