"""One question per file: `<name>.py` asks, says and draws; `<name>.sql` holds the query."""
