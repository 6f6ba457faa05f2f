-- Of the examples in the documentation and of the tests.
CREATE TABLE scores (
    hotkey TEXT PRIMARY KEY,
    score REAL NOT NULL
) STRICT;
