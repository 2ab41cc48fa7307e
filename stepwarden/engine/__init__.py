"""Who drives a run: hands out the ids of runs that have something to do, and knows nothing else of runs.

Safety never rests on it. A lease or a lock may be wrong: then two drive one run for a moment, and the second append to
its stream conflicts before the next effect.
"""

from stepwarden.engine.dispatcher import Dispatcher, Drive, LeaseTimes

__all__ = ["Dispatcher", "Drive", "LeaseTimes"]
