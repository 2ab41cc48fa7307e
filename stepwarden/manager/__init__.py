"""The AI manager: how many steps a task deserves, whether that still holds, whether it may end. It only advises."""
