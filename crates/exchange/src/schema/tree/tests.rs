//! What is and what is not well-formed.
