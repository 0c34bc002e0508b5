//! Consistency tests, in `tests/`: registry, template, binaries, examples, documents and crate dependencies agree.
