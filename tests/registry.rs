//! The second ring: several registries in one process, over links that the test controls, in virtual time.

#[cfg(test)]
mod registry {
    mod audit;
    mod cooperation;
    mod cooperation_faults;
    mod cooperation_privacy;
    mod directory;
    mod faults;
    mod import;
    mod insight;
    mod merging;
    mod nesting;
    mod oracle;
    mod paging;
    mod privacy;
    mod requirements;
    mod schedules;
    mod secrets;
    mod sharing;
    mod threats;
    mod trust;
}
