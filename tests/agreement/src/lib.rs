//! What has to agree is checked in `tests/`: the registry, the template, the binaries, the examples, the walls.
