//! The functions that touch files. Their operations lie with the others of their door; what they are built from is here,
//! because no other function is built from S3's client.
