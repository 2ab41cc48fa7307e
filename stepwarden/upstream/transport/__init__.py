"""The way to one upstream server: connections of the SDK's client, bounded, with their failures told apart.

What stands above has values of ours; `wire` turns the protocol's into them and back.
"""
