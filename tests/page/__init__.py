"""The page of `transports/web`.

What needs a real browser is skipped where there is none, and fails then in CI.
"""
