//! What the federation's records say together, on the command line.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Suggest {
    /// One opportunity of this city, by resource name [default: all that are open]
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) opportunity: String,
    /// How many suggestions at most, 1 to 100
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: i32,
    /// Only those with at least so many points of 100
    #[arg(long, value_name = "POINTS", default_value_t = 50)]
    pub(crate) least: i32,
    /// Why you ask; peers log it
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) purpose: String,
}

#[derive(Debug, Args)]
pub(crate) struct Overlaps {
    /// Only in this country of origin, ISO 3166-1
    #[arg(long, value_name = "CODE", default_value = "", hide_default_value = true)]
    pub(crate) country: String,
    /// Only in this economic activity: SCHEME:VERSION:CODE, for example nace:2.1:10
    #[arg(long, value_name = "CODE")]
    pub(crate) sector: Option<String>,
    /// Only those in which this city takes part
    #[arg(long)]
    pub(crate) own: bool,
    /// How many overlaps at most, 1 to 100
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: i32,
    /// Why you ask; peers log it
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) purpose: String,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// A city, by its id
    pub(crate) city: String,
    /// The other city, by its id, with a node or not
    #[arg(value_name = "OTHER")]
    pub(crate) other_city: String,
    /// What records call a city that has no node; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) called: Vec<String>,
    /// Why you ask; peers log it
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) purpose: String,
}
