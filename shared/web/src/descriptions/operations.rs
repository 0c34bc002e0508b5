//! Macro that lists the operations of a door.

/// Defines the rows of a list of operations and, beside them, their descriptions. Each operation is named by its module,
/// which has a `const ENDPOINT` and a `fn description`. `problem` is the type of the door's error responses.
///
/// The rows do not refer to the descriptions, so a function on AWS, which has the rows, is linked without them.
#[macro_export]
macro_rules! operations {
    (
        $(#[$meta:meta])*
        $rows:ident, $descriptions:ident, problem: $problem:ty,
        $($first:ident $(:: $rest:ident)*),+ $(,)?
    ) => {
        $(#[$meta])*
        pub const $rows: &[$crate::endpoint::Endpoint] = &[$($first $(:: $rest)* ::ENDPOINT),+];

        /// The same operations with their descriptions.
        pub const $descriptions: &[$crate::descriptions::Described] = &[
            $(($first $(:: $rest)* ::ENDPOINT, || $first $(:: $rest)* ::description().with_problem::<$problem>())),+
        ];
    };
}
