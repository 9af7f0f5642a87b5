//! C1: every order of events that the protocol of cooperations allows, to a stated bound, with the rules that production uses.

#[cfg(test)]
mod model {
    mod book;
    mod city;
    mod faults;
    mod honest;
    mod lying;
    mod oracle;
    mod people;
    mod properties;
    mod report;
    mod world;
}
