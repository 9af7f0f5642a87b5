//! The binary as people and scripts meet it: what it prints and where, how it ends, what it leaves behind.
//!
//! Each test has a folder of its own and lets the system choose the ports.

#[cfg(test)]
mod cli {
    mod audit;
    mod chaos;
    mod cooperation;
    mod cooperation_approval;
    mod cooperation_file;
    mod demo;
    mod directory;
    mod exits;
    mod fork;
    mod import;
    mod init;
    mod insight;
    mod kill;
    mod peers;
    mod people;
    mod privacy;
    mod records;
    mod secrets;
    mod serve;
    mod signals;
    mod storage;
    mod support;
    mod trust;
}
