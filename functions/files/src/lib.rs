//! The Lambda functions that use files. They are a crate of their own, because only these functions link the S3 client;
//! their operations are in the crates of their doors.
