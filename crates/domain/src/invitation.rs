//! The code that one city sends to another, so that it can become a peer.
//!
//! It is text that survives e-mail: capital letters and digits in groups of ten, the last letter of each group checking the group and
//! its place, so that a typo is named and not only noticed. It begins with what it is:
//! `ISOPOLITY-INVITATION-1-…`. Letters are those of Crockford's base 32, without I, L, O and U; who writes O means 0.

use std::fmt;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::CityId;

/// The bytes of an invitation's id.
pub const ID: usize = 5;
/// The bytes of an invitation's secret: 160 bits.
pub const SECRET: usize = 20;
/// The longest code that is read, in bytes.
pub const LONGEST: usize = 4_000;

const PREFIX: &str = "ISOPOLITYINVITATION";
const VERSION: char = '1';
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Letters of a group, the check letter included.
const GROUP: usize = 10;
/// Bytes at the end that check the whole.
const CHECK: usize = 4;

/// What a code says. Its secret is wiped when dropped and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The city that invites.
    pub city: CityId,
    /// Where its federation listener is, `https://host:port`.
    pub endpoint: String,
    /// The invitation's public id.
    pub id: [u8; ID],
    /// SHA-256 of the inviting city's trust bundle, as a file.
    pub fingerprint: [u8; 32],
    /// What is to be presented, once, and only to a city that has shown this bundle.
    pub secret: Zeroizing<[u8; SECRET]>,
}

impl fmt::Debug for Invitation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut invitation = formatter.debug_struct("Invitation");
        invitation
            .field("city", &self.city)
            .field("endpoint", &self.endpoint)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Why a text is no invitation code. None of them repeats the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvitationError {
    /// It is something else.
    #[error("this is no invitation code: one begins with ISOPOLITY-INVITATION-1-; copy it whole, beginning included")]
    NotOne,
    /// It is of another version.
    #[error(
        "this invitation code is of version {0:?}, and this software reads version 1: upgrade the older of the two nodes"
    )]
    Version(char),
    /// A letter that no code has.
    #[error("group {group} of the code holds {letter:?}, which no code has: compare it with the original")]
    Letter {
        /// Which group, from 1.
        group: usize,
        /// The letter.
        letter: char,
    },
    /// A group does not fit its check letter.
    #[error(
        "group {group} of the code has a typo, or a letter is missing or too many there: compare it with the original"
    )]
    Typo {
        /// Which group, from 1.
        group: usize,
    },
    /// The end is missing, or something follows.
    #[error("the code is not whole: it ends after {groups} groups; copy it to its end")]
    Incomplete {
        /// How many groups there are.
        groups: usize,
    },
    /// What it says makes no sense.
    #[error("the code is damaged: {0}")]
    Damaged(&'static str),
}

impl Invitation {
    /// The code.
    #[must_use]
    pub fn to_code(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(256));
        for text in [self.city.as_str(), self.endpoint.trim_start_matches("https://")] {
            // No city's id and no endpoint that can be reached is nearly as long; what is cut off does not parse.
            let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
            bytes.extend(length.to_be_bytes());
            bytes.extend(text.bytes().take(length.into()));
        }
        bytes.extend(self.id);
        bytes.extend(self.fingerprint);
        bytes.extend(self.secret.iter());
        let check = check_of(&bytes);
        bytes.extend(check);

        let mut code = Zeroizing::new(String::with_capacity(512));
        code.push_str("ISOPOLITY-INVITATION-");
        code.push(VERSION);
        let letters = Zeroizing::new(to_letters(&bytes));
        for (number, group) in letters.chunks(GROUP - 1).enumerate() {
            code.push('-');
            code.extend(group.iter().chain([&check_letter(number, group)]).map(|&value| letter_of(value)));
        }
        code
    }

    /// Reads a code as it came by e-mail: blanks, line breaks, hyphens and quotation marks do not count.
    ///
    /// # Errors
    /// [`InvitationError`], which names the group that is wrong.
    pub fn parse(code: &str) -> Result<Self, InvitationError> {
        if code.len() > LONGEST {
            return Err(InvitationError::NotOne);
        }
        let tidy = Zeroizing::new(code.chars().filter(|&letter| counts(letter)).collect::<String>().to_uppercase());
        let rest = tidy.strip_prefix(PREFIX).ok_or(InvitationError::NotOne)?;
        let mut letters = rest.chars();
        match letters.next() {
            Some(VERSION) => {}
            Some(other) => return Err(InvitationError::Version(other)),
            None => return Err(InvitationError::Incomplete { groups: 0 }),
        }
        let mut values = Zeroizing::new(Vec::with_capacity(rest.len()));
        for (at, letter) in letters.enumerate() {
            let group = at / GROUP + 1;
            values.push(value_of(letter).ok_or(InvitationError::Letter { group, letter })?);
        }
        let mut data = Zeroizing::new(Vec::with_capacity(values.len()));
        let groups = values.len().div_ceil(GROUP);
        for (number, group) in values.chunks(GROUP).enumerate() {
            let Some((check, group)) = group.split_last() else { continue };
            if check_letter(number, group) != *check {
                // The last group of a code that was cut off looks like a typo, and is none.
                let cut = number + 1 == groups && group.len() + 1 < GROUP;
                return Err(if cut {
                    InvitationError::Incomplete { groups }
                } else {
                    InvitationError::Typo { group: number + 1 }
                });
            }
            data.extend(group);
        }
        let bytes = Zeroizing::new(to_bytes(&data));
        read(&bytes).ok_or(InvitationError::Incomplete { groups })?
    }
}

/// The id as people see it.
#[must_use]
pub fn id_text(id: &[u8; ID]) -> String {
    crate::text::hexadecimal(id)
}

/// What is in the bytes; `None` where they are too few.
fn read(bytes: &[u8]) -> Option<Result<Invitation, InvitationError>> {
    let (content, check) = bytes.split_at_checked(bytes.len().checked_sub(CHECK)?)?;
    if check_of(content) != check {
        return None;
    }
    let (city, rest) = text(content)?;
    let (host, rest) = text(rest)?;
    let (id, rest) = rest.split_first_chunk::<ID>()?;
    let (fingerprint, rest) = rest.split_first_chunk::<32>()?;
    let (secret, rest) = rest.split_first_chunk::<SECRET>()?;
    if !rest.is_empty() {
        return Some(Err(InvitationError::Damaged("something follows the secret")));
    }
    let Ok(city) = city.parse() else { return Some(Err(InvitationError::Damaged("it names no city"))) };
    Some(Ok(Invitation {
        city,
        endpoint: format!("https://{host}"),
        id: *id,
        fingerprint: *fingerprint,
        secret: Zeroizing::new(*secret),
    }))
}

fn text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let (text, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    Some((str::from_utf8(text).ok()?, rest))
}

fn check_of(bytes: &[u8]) -> [u8; CHECK] {
    let sum: [u8; 32] = Sha256::new().chain_update(b"isopolity invitation v1\0").chain_update(bytes).finalize().into();
    let mut check = [0; CHECK];
    check.iter_mut().zip(sum).for_each(|(to, from)| *to = from);
    check
}

/// Whether a letter is part of the code, and not something that mail programs and terminals put between.
fn counts(letter: char) -> bool {
    let between = letter.is_whitespace()
        || letter.is_control()
        || matches!(letter, '-' | '>' | '<' | '=' | '"' | '\'' | '`' | '*' | '|');
    let unseen = matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2010}'..='\u{2015}' | '\u{2018}'..='\u{201f}' | '\u{2060}' | '\u{feff}');
    !between && !unseen
}

/// The check letter of a group: a sum in the field of 32 elements (x⁵ + x² + 1), in which no single letter, no two neighbours and
/// no two groups can change places unnoticed.
fn check_letter(number: usize, group: &[u8]) -> u8 {
    let place = u8::try_from(number % 32).unwrap_or_default();
    times_x(group.iter().fold(place, |sum, value| times_x(sum) ^ value))
}

fn times_x(value: u8) -> u8 {
    let shifted = value << 1;
    (if shifted & 0x20 == 0 { shifted } else { shifted ^ 0x25 }) & 0x1f
}

fn letter_of(value: u8) -> char {
    ALPHABET.get(usize::from(value)).copied().map_or('0', char::from)
}

fn value_of(letter: char) -> Option<u8> {
    let letter = match letter {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let at = ALPHABET.iter().position(|&one| char::from(one) == letter)?;
    u8::try_from(at).ok()
}

fn to_letters(bytes: &[u8]) -> Vec<u8> {
    let (mut letters, mut held, mut bits) = (Vec::new(), 0_u32, 0_u32);
    for &byte in bytes {
        held = held << 8 | u32::from(byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            letters.push(low_five(held >> bits));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        letters.push(low_five(held << (5 - bits)));
    }
    letters
}

fn to_bytes(letters: &[u8]) -> Vec<u8> {
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0_u32);
    for &letter in letters {
        held = held << 5 | u32::from(letter);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).unwrap_or_default());
        }
        held &= (1 << bits) - 1;
    }
    bytes
}

fn low_five(value: u32) -> u8 {
    u8::try_from(value & 0x1f).unwrap_or_default()
}

#[cfg(test)]
mod tests;
