"""Which errors of a tool leave open what was done."""

import pytest

from stepwarden.upstream.calls.lost_answers import leaves_open


@pytest.mark.parametrize(
    "error",
    [
        "HTTPConnectionPool(host='jira', port=443): Read timed out. (read timeout=75)",
        "('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))",
        "Error adding comment: Internal server error",
        "Request failed with status code 502",
        "AxiosError: timeout of 30000ms exceeded: ETIMEDOUT",
        "read ECONNRESET",
        "Expecting value: line 1 column 1 (char 0)",
        "Server disconnected without sending a response.",
    ],
)
def test_what_was_lost_behind_a_server_leaves_open_what_was_done(error: str) -> None:
    assert leaves_open(error)


@pytest.mark.parametrize(
    "error",
    [
        "Issue NOPE-1 not found. Verify the issue key and project access.",
        "Connection to jira timed out. (connect timeout=75)",
        "Failed to establish a new connection: [Errno 111] Connection refused",
        "Authentication failed for Jira API (401). Token may be expired or invalid.",
        "Field 'error' cannot be set. It is not on the appropriate screen, or unknown: 5000",
        "The sprint is closed",
    ],
)
def test_an_error_that_says_what_is_wrong_leaves_nothing_open(error: str) -> None:
    assert not leaves_open(error)
