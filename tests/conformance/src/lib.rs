//! Conformance tests, in `tests/`: Handrail with independent clients and emulators.
