//! What a reader of activities makes of them.
