//! What the catalogue promises, through its public surface.

mod clearance;
mod digest;
mod feed;
mod filters;
mod folder;
mod oracle;
mod order;
mod purge;
mod support;
mod text;
