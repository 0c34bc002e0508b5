//! The faults are in `tests/`: every database call of every journey fails, is lost, is done twice or is the last one.
