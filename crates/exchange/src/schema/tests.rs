//! What a schema may and may not say, and how it judges.
