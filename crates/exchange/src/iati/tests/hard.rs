//! Files that are broken, hostile or written in another encoding.
