"""The tests' own connection to the API server: one that was closed costs at most one request."""

import http.client
import socket

import pytest

from tests.api.apiserver import REUSE_WITHIN, ApiServer


def test_after_a_failed_request_the_next_one_has_a_new_connection(apiserver: ApiServer) -> None:
    assert apiserver.request("GET", "/api").status == 200
    apiserver._connection.sock.shutdown(socket.SHUT_RDWR)
    with pytest.raises((OSError, http.client.HTTPException)):
        apiserver.request("GET", "/api")
    assert apiserver.request("GET", "/api").status == 200


def test_a_connection_that_was_idle_for_long_is_not_used_again(apiserver: ApiServer) -> None:
    assert apiserver.request("GET", "/api").status == 200
    apiserver._connection.sock.shutdown(socket.SHUT_RDWR)  # as the server closes it after 90 s
    apiserver._used -= REUSE_WITHIN + 1
    assert apiserver.request("GET", "/api").status == 200
