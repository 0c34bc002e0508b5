//! The journeys are in `tests/`: one behaviour a file, over HTTP, with a clock.
