//! What brokers were seen to send, verbatim, and what else may come.

mod access;
mod presence;
mod publish;
