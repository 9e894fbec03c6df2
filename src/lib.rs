//! Emostream: live emoji reactions at stadium scale, every one of them counted.
//!
//! # The pipeline
//!
//! ```text
//!  POST /emoji ──┐
//!  WS "react" ───┴─► Ingest ══Reactions══► WindowAggregator ══Partials══► WindowMerger ══Windows══► MainPublisher
//!                 (one per worker)         (one per partition)               (one)                       │ to every live cluster
//!                                                                                                 ══ClusterWindows══
//!                                                                                                        ▼
//!                          Session ◄──frame── SessionHub ◄══SubscriberWindows══ ClusterPublisher N (policy)
//!                         (one per client)  (one per worker)
//!
//!      beside it:   Clusters (which should exist, and makes it so)     Registry (who is registered, and sits where)
//! ```
//!
//! Each stage is an actor. Each double line is one type of message into a bounded mailbox, sent with `try_send` and a
//! named policy for when it is full. Requests go the other way, with an awaited `ask`; so only one direction ever waits.
//! Over Kafka each double line is a topic, and a node has the stages of its roles.
//!
//! Counts add up: windows merge in any order and grouping, and each carries the running totals of its stream. So a slow
//! session, a returning one, a new cluster and a rebuilt stage all stand on exact totals with the next window.
//!
//! # Modules, in reading order
//!
//! - [`domain`]: what is counted and how. Pure values and folds that take `now` as an argument.
//! - [`telemetry`]: logs, metrics, and events that are both.
//! - [`actors`]: the stages of the picture, and what carries their messages. [`actors::messages`] has all of them on one
//!   page.
//! - [`http`]: the edge. Requests in, frames out; every route on one screen.
//! - [`kafka`]: the other edge. Topics, what is on them, and the clients that read and write them.
//! - [`config`]: settings from defaults, file, environment and flags to the structs that the modules own.
//! - [`app`]: joins the stages into a node, from the far end backwards, and drains it.
//! - [`commands`]: the command line, one file per command.
//!
//! # Who may import whom
//!
//! A module names those above it in the list, never one below, and often fewer: `domain` names no other and no foreign
//! crate but `emojis`; an actor's file names messages and shared files, never another actor; `http` asks by message; the
//! modules own their settings and do not know `config`; `commands` sees the pipeline through `app` alone. The table is in
//! `tests/architecture.rs`, which holds the sources to it. `ARCHITECTURE.md` has the longer map.

pub mod domain;
pub mod telemetry;
pub mod actors;
pub mod http;
pub mod kafka;
pub mod config;
pub mod app;
pub mod commands;

#[cfg(test)]
mod testkit;
