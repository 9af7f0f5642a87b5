//! What may happen to cooperations between cities: crashes, a network that loses, repeats and disorders, cities that are away for weeks,
//! that say something else to each, that do not understand. All of it in virtual time.

mod counter;
mod crash;
mod deal;
mod offline;
mod order;
mod poison;
mod stage;
mod strangers;
mod three;
