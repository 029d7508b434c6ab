//! Storm control: walks of its states, and what holds whatever happens.

#[path = "storm/book.rs"]
mod book;
#[path = "storm/property.rs"]
mod property;
#[path = "storm/walk.rs"]
mod walk;
