"""What the tests of several folders share: calls, servers in processes of their own, models, clocks."""
