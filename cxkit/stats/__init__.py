"""Small pure functions: intervals and survival. They know numbers, not customers."""
