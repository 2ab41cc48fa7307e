"""Follows input of requests to what it must not reach unchecked: inside one function, and through one call."""
