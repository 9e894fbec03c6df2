//! Settings: from defaults, a file, the environment and flags to the structs that the modules own.
//!
//! Everything is read and checked before a port is opened, and all mistakes are reported at once. A later layer beats an
//! earlier one: defaults < `emostream.toml` < `EMOSTREAM_SECTION_KEY` variables < flags.

mod table;
mod setting;
mod mistakes;
mod file;
mod layers;
mod limit;
mod value;
mod expected;
mod values;
mod librdkafka;
mod build;

pub use build::{Config, Loaded, Row, load};
pub use layers::{Environment, Flag, ProcessEnvironment, SettingsFile, Sources};
pub use mistakes::Mistakes;
pub use setting::{Kind, Setting};
pub use table::SETTINGS;
