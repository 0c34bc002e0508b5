//! Journey tests, in `tests/`: one behaviour per file, over HTTP, with a clock that the test moves.
