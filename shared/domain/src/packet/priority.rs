//! Priority of a packet.

use super::string_enum::string_enum;

string_enum! {
    #[derive(Default)]
    pub enum Priority { Low = "low", #[default] Normal = "normal", High = "high", Critical = "critical" }
}
