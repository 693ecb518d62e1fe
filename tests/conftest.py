"""What holds for all tests."""

import os

from hypothesis import settings

# A slow machine is no failure, and on CI a failure must come again; `HYPOTHESIS_PROFILE` chooses.
settings.register_profile("quick", deadline=None, max_examples=20)
settings.register_profile("ci", deadline=None, max_examples=20, derandomize=True, database=None)
settings.register_profile("thorough", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "quick"))
