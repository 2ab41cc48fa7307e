"""The AI manager: how many steps work deserves, whether that still holds, whether it may end. It only advises."""
