//! Handlers as functions of arguments, for [`Description::of`].

use std::collections::BTreeSet;

use super::arguments::Argument;
use super::description::Description;
use super::outcomes::Outcome;

/// Handler whose arguments and result describe an operation.
pub trait Handler<Arguments> {
    fn describe(description: &mut Description);
}

impl Description {
    /// Describes an operation by the arguments and the result of its handler.
    pub fn of<Arguments, H: Handler<Arguments>>(_handler: H) -> Self {
        // Every operation may fail, and the gateway may have no process for it.
        let mut description = Self { problems: BTreeSet::from([500, 503]), ..Self::default() };
        H::describe(&mut description);
        description
    }
}

macro_rules! handlers {
    ($(($($argument:ident),*),)+) => {
        $(impl<F, Response, Result, $($argument),*> Handler<($($argument,)*)> for F
        where
            F: FnOnce($($argument),*) -> Response,
            Response: Future<Output = Result>,
            Result: Outcome,
            $($argument: Argument,)*
        {
            fn describe(description: &mut Description) {
                $($argument::describe(description);)*
                Result::describe(description);
            }
        })+
    };
}

handlers! {
    (),
    (A1),
    (A1, A2),
    (A1, A2, A3),
    (A1, A2, A3, A4),
    (A1, A2, A3, A4, A5),
    (A1, A2, A3, A4, A5, A6),
    (A1, A2, A3, A4, A5, A6, A7),
}
