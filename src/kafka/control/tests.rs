#![allow(clippy::unwrap_used)]

mod clusters;
mod contests;
mod house;
mod registrations;
mod viewers;
