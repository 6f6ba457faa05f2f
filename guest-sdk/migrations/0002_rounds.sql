-- Of the tests.
CREATE TABLE rounds (
    number INTEGER PRIMARY KEY,
    winner TEXT REFERENCES scores (hotkey),
    data ANY
) STRICT;
CREATE INDEX rounds_winner ON rounds (winner);
