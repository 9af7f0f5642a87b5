//! What the catalogue promises, through its public surface.

mod clearance;
mod feed;
mod filters;
mod folder;
mod oracle;
mod order;
mod support;
mod text;
