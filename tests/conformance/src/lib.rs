//! The conformance tests are in `tests/`: Handrail against parts that others made.
