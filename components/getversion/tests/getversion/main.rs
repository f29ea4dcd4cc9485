//! getversion, from the request to the answer: what a device is offered, in which shape, at which cost, and what
//! becomes of it when a store fails.

mod cost;
mod faults;
mod fields;
mod offers;

const IMAGE: &[u8] = b"firmware";
