//! Fault tests, in `tests/`: each database call of every journey fails, is lost, is executed twice or is the last one.
