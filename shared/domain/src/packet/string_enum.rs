//! Macro for enums whose variants have published names.

/// Defines an enum with a string for each variant, which is its stored and published form.
macro_rules! string_enum {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$on:meta])* $variant:ident = $string:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        pub enum $name { $($(#[$on])* #[serde(rename = $string)] $variant),+ }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $string),+ }
            }

            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|variant| variant.name() == name)
            }
        }
    };
}
pub(super) use string_enum;
