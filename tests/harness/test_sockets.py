"""Tests cannot connect to other machines."""

import socket

import pytest


def test_it_works():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()


def test_other_host_is_blocked():
    with pytest.raises(UserWarning, match="A test tried to use"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
