//! Signing in: what a user is called, which passwords are taken, and how guessing is slowed down.

use std::net::{IpAddr, Ipv6Addr};
use time::Duration;

/// The longest name, in letters.
pub const NAME_MAX: usize = 64;
/// The shortest password, in characters.
pub const PASSWORD_MIN: usize = 12;
/// The longest password, in characters: a limit on what a stranger makes the node hash.
pub const PASSWORD_MAX: usize = 128;
/// So many failures cost nothing, for a user and for a user from one network.
pub const FREE_FOR_A_USER: i64 = 5;
/// So many failures cost nothing, for a network: many people may share one.
pub const FREE_FOR_A_NETWORK: i64 = 20;
/// The longest time until the next attempt. Nothing is ever locked for good.
pub const DELAY_MAX: Duration = Duration::minutes(15);
/// After how long failures are forgotten.
pub const FAILURES_COUNT_FOR: Duration = Duration::hours(24);
/// For how long a network counts as one from which the user signs in.
pub const NETWORK_KNOWN_FOR: Duration = Duration::days(90);

/// What everybody tries first, of those that are long enough: from lists of passwords that were found in leaks. Compared without
/// capital letters.
const COMMONEST: [&str; 48] = [
    "000000000000",
    "111111111111",
    "1234567890123",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "1qaz2wsx3edc4rfv",
    "abcdefghijkl",
    "administrador",
    "administrator",
    "administrator1",
    "adminadminadmin",
    "benvenuto123",
    "bienvenido123",
    "bienvenue123",
    "changeme1234",
    "changemenow!",
    "contrasena123",
    "correcthorsebatterystaple",
    "fc barcelona",
    "footballfootball",
    "iloveyou1234",
    "iloveyouforever",
    "isopolity123",
    "letmein12345",
    "letmeinplease",
    "liverpoolfc1",
    "manchesterunited",
    "motdepasse123",
    "naruto123456",
    "p@ssw0rd1234",
    "p@ssword1234",
    "passw0rd1234",
    "password!234",
    "password1234",
    "password12345",
    "password123456",
    "passwordpassword",
    "q1w2e3r4t5y6",
    "qwerty123456",
    "qwertyqwerty",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwertyuiop[]",
    "qwertzuiop123",
    "sunshine1234",
    "unbelievable",
    "welcome12345",
    "zaq12wsxcde3",
];

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Too few characters.
    #[error(
        "has fewer than {PASSWORD_MIN} characters; several words that do not belong together are easy to keep in mind"
    )]
    Short,
    /// Too many.
    #[error("has more than {PASSWORD_MAX} characters")]
    Long,
    /// Everybody tries it.
    #[error("is one of those that everybody tries first")]
    Common,
    /// The name, or little more.
    #[error("is the user's name, or the name and little more")]
    Name,
}

/// A user's name as it is kept: without spaces around it, and with small letters. `None` if it can't be one.
#[must_use]
pub fn user_name(typed: &str) -> Option<String> {
    let name = typed.trim();
    let fits = (1..=NAME_MAX).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || ".-_@".contains(letter));
    fits.then(|| name.to_ascii_lowercase())
}

/// Refuses a password that is easily guessed.
///
/// # Errors
/// [`Weakness`].
pub fn check_password(password: &str, name: &str) -> Result<(), Weakness> {
    let length = password.chars().count();
    if length < PASSWORD_MIN {
        return Err(Weakness::Short);
    }
    if length > PASSWORD_MAX {
        return Err(Weakness::Long);
    }
    let small = password.to_lowercase();
    if COMMONEST.contains(&small.as_str()) || is_pattern(&small) {
        return Err(Weakness::Common);
    }
    // What is left without the name (and the name before an @) has to be a password of its own.
    let bare = name.split('@').next().unwrap_or(name);
    let rest = |part: &str| part.len() >= 3 && small.contains(part) && small.replace(part, "").chars().count() < 6;
    if rest(name) || rest(bare) {
        return Err(Weakness::Name);
    }
    Ok(())
}

/// Whether it is few characters again and again, or each the next of the one before: `abababababab`, `234567890123`.
fn is_pattern(password: &str) -> bool {
    let letters: Vec<char> = password.chars().collect();
    let repeats = |length: usize| letters.iter().zip(letters.iter().skip(length)).all(|(one, other)| one == other);
    let steps = |by: i64| {
        let pairs = letters.iter().zip(letters.iter().skip(1));
        let step = |one: char, other: char| i64::from(u32::from(other)) - i64::from(u32::from(one));
        pairs.clone().all(|(one, other)| {
            step(*one, *other) == by || (*one, *other) == ('9', '0') || (*one, *other) == ('0', '9')
        })
    };
    (1..=3).any(repeats) || steps(1) || steps(-1)
}

/// The time until the next attempt after so many failures one after the other, of which some cost nothing: a second, and twice as much
/// for each further one, up to [`DELAY_MAX`].
#[must_use]
pub fn delay_after(failures: i64, free: i64) -> Duration {
    let beyond = failures.saturating_sub(free);
    if beyond < 0 {
        return Duration::ZERO;
    }
    let seconds = u32::try_from(beyond).ok().and_then(|beyond| 1_i64.checked_shl(beyond));
    seconds.filter(|seconds| *seconds > 0).map_or(DELAY_MAX, |seconds| Duration::seconds(seconds).min(DELAY_MAX))
}

/// What belongs together as far as guessing goes: one IPv4 address, and the first 64 bits of an IPv6 address, which one subscriber has
/// to themselves.
#[must_use]
pub fn network_of(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_small_letters_and_nothing_that_could_be_something_else() {
        assert_eq!(user_name(" Ana.Sa@feira ").as_deref(), Some("ana.sa@feira"));
        let long = "a".repeat(65);
        for wrong in ["", " ", ".ana", "ana sa", "ana/sa", "aná", "ana\0", "<b>", long.as_str()] {
            assert_eq!(user_name(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_password_that_everybody_tries_is_not_taken() {
        let refused = |password: &str| check_password(password, "ana.sa@feira").unwrap_err();
        assert_eq!(refused("short pass "), Weakness::Short);
        assert_eq!(refused("áéíóúâêôãõç"), Weakness::Short, "eleven characters in 22 bytes");
        assert_eq!(refused(&"long ".repeat(26)), Weakness::Long);
        for common in
            ["Password1234", "QWERTYUIOP12", "aaaaaaaaaaaaaa", "abababababab", "123123123123", "abcdefghijklm"]
        {
            assert_eq!(refused(common), Weakness::Common, "{common}");
        }
        for common in ["234567890123", "987654321098", "zyxwvutsrqpon"] {
            assert_eq!(refused(common), Weakness::Common, "{common}");
        }
        for name in ["Ana.Sa@Feira", "ana.sa@feira1", "123ana.sa@feira", "ana.saana.sa"] {
            assert_eq!(refused(name), Weakness::Name, "{name}");
        }
        for good in ["sardinha lua quarta", "ana.sa eats bread on mondays", "Kénitra–Feira 1988", "áéíóúâêôãõçà"]
        {
            check_password(good, "ana.sa@feira").unwrap();
        }
        // A name of one or two letters is in every password.
        check_password("a wheel for us", "a").unwrap();
    }

    #[test]
    fn the_list_holds_only_what_would_be_taken_otherwise() {
        for common in COMMONEST {
            assert!(common.chars().count() >= PASSWORD_MIN && common == common.to_lowercase(), "{common}");
        }
    }

    #[test]
    fn each_further_failure_doubles_the_time_and_nothing_is_locked_for_good() {
        let delays: Vec<i64> = (0..12).map(|failures| delay_after(failures, 5).whole_seconds()).collect();
        assert_eq!(delays, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64]);
        for many in [15, 62, 63, 64, 65, 1_000, i64::MAX] {
            assert_eq!(delay_after(many, 5), DELAY_MAX, "{many}");
        }
        assert_eq!(delay_after(i64::MIN, 5), Duration::ZERO);
    }

    #[test]
    fn whoever_has_a_network_to_themselves_is_one() {
        let network = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::1"));
    }
}
