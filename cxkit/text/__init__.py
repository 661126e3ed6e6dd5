"""What do people write, and how do they feel? Scoring, language and masking of comments."""
