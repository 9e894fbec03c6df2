//! What holds while clusters come and go at run time: CONTRACT section 1, `/admin/clusters`, over real sockets.

#[path = "../support/mod.rs"]
mod support;

mod spawn;
mod policy;
mod retire;
mod placement;
