//! The future of a trait method that is called through `dyn`.

use std::future::Future;
use std::pin::Pin;

use crate::fault::Fault;

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;
