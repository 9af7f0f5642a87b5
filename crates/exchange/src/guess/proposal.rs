//! Writing a proposal, field by field.

use std::{collections::BTreeSet, fmt::Write as _};

use isopolity_domain::Kind;
use prost_reflect::Kind as FieldKind;

use super::{
    Column, Sureness,
    targets::{is_telling, targets},
    values,
    words::{self, Meaning},
};
use crate::{path::Path, value, write::flat};

/// The longest text that is shown.
const SHOWN_LETTERS_MAX: usize = 200;
/// The most values of a column that are shown.
const SHOWN_MAX: usize = 12;

/// A mapping file on its way.
pub(super) struct Proposal {
    kind: Kind,
    language: &'static str,
    /// Paths that are filled, also by what is commented out.
    taken: BTreeSet<String>,
    blocks: String,
    active: usize,
}

impl Proposal {
    pub(super) fn new(kind: Kind, language: &'static str) -> Self {
        Self { kind, language, taken: BTreeSet::new(), blocks: String::new(), active: 0 }
    }

    pub(super) fn write(mut self, columns: &[Column<'_>], kind_is_stated: bool) -> String {
        let mut unknown = Vec::new();
        for column in columns {
            if !self.propose(column) {
                unknown.push(column);
            }
        }
        for column in &unknown {
            let example =
                column.values.first().map(|value| format!(", for example {}", shown(value))).unwrap_or_default();
            let _ = write!(
                self.blocks,
                "\n# {}: not recognised{example}.\n# [[field]]\n# to = \"\"\n# column = {}\n",
                shown(column.name),
                quoted(column.name)
            );
        }
        self.missing_title(columns);
        self.missing_kind();
        let key = self.key(columns);
        if self.active == 0 {
            self.fill_anything(columns);
        }
        let kind = self.kind;
        let why = if kind_is_stated { "as stated" } else { "guessed from the columns: check it" };
        let mut text = format!(
            "# A proposal made from the file's header and its first rows. Look it over: what is commented out is doubtful.\n\nkind = \"{kind}\"  # {why}\n"
        );
        text.push_str(&key);
        text.push_str(&self.blocks);
        text
    }

    /// Proposes what a column is for. False if nothing is known about it.
    fn propose(&mut self, column: &Column<'_>) -> bool {
        let exact_path =
            flat::columns(self.kind).iter().find(|one| one.name == column.name).map(|one| one.path.to_string());
        // A column called `name` holds names of things; only our own tables hold names of resources in it.
        if let Some(path) = exact_path.filter(|path| path != "name" && !self.taken.contains(path)) {
            let sureness = if self.fits(&path, &column.values) { Sureness::Sure } else { Sureness::Doubtful };
            let split = if path.ends_with("[]") { "split = \";\"\n" } else { "" };
            self.block(column, &path, sureness, split);
            return true;
        }
        let (meaning, named) = match column.named {
            Some((meaning, _, exact)) => (meaning, Some(exact)),
            None => match values::meaning(&column.values) {
                Some(meaning) => (meaning, None),
                None => return self.by_field_name(column),
            },
        };
        let Some(path) = self.target(meaning, column) else { return self.by_field_name(column) };
        let (more, confirmed) = self.details(meaning, &path, column);
        let sureness = match (named, confirmed) {
            (Some(true), Some(true)) => Sureness::Sure,
            (Some(true), None) => Sureness::Likely,
            (Some(false), Some(true)) if is_telling(meaning) => Sureness::Likely,
            _ => Sureness::Doubtful,
        };
        self.block(column, &path, sureness, &more);
        true
    }

    /// A field of the kind that is called like the column.
    fn by_field_name(&mut self, column: &Column<'_>) -> bool {
        let name = isopolity_domain::text::words(column.name).join("_");
        let path = [name.clone(), format!("{name}[]"), format!("{name}[0].text")]
            .into_iter()
            .find(|path| !self.taken.contains(path) && Path::parse(&self.kind.descriptor(), path).is_ok());
        let Some(path) = path else { return false };
        let sureness = if self.fits(&path, &column.values) { Sureness::Likely } else { Sureness::Doubtful };
        let more = if path.contains("].text") { format!("language = \"{}\"\n", self.language) } else { String::new() };
        self.block(column, &path, sureness, &more);
        true
    }

    /// Whether nearly all values can be values of the field.
    fn fits(&self, path: &str, found: &[&str]) -> bool {
        let Ok(path) = Path::parse(&self.kind.descriptor(), path) else { return false };
        let Some(field) = path.field() else { return false };
        let fits = |text: &str| {
            let mut parts = text.split(';');
            if path.is_whole_list() {
                parts.all(|part| value::from_text(field, part.trim()).is_ok())
            } else {
                value::from_text(field, text).is_ok()
            }
        };
        found.is_empty() || values::nearly_all(found, fits)
    }

    /// The first place for a meaning that the kind has and that is free.
    fn target(&self, meaning: Meaning, column: &Column<'_>) -> Option<String> {
        let descriptor = self.kind.descriptor();
        let free = |path: &String| !self.taken.contains(path) && Path::parse(&descriptor, path).is_ok();
        let of_partner = words::is_about_partner(column.name);
        let side = |path: &str| if of_partner { path.replace("parties[0]", "parties[1]") } else { path.to_owned() };
        let first = targets(meaning).iter().map(|path| side(path)).find(free);
        let several = matches!(
            meaning,
            Meaning::Name | Meaning::ShortText | Meaning::Sector | Meaning::Mailbox | Meaning::RegisterNumber
        );
        first.or_else(|| {
            let again = targets(meaning).iter().filter(|path| several && path.contains("s[0]."));
            again.flat_map(|path| (1..4).map(move |at| path.replacen("[0]", &format!("[{at}]"), 1))).find(free)
        })
    }

    /// Further lines of a field, and whether its values confirm what its name says.
    fn details(&self, meaning: Meaning, path: &str, column: &Column<'_>) -> (String, Option<bool>) {
        let values = &column.values;
        let confirm = |test: fn(&str) -> bool| (!values.is_empty()).then(|| values::nearly_all(values, test));
        match meaning {
            Meaning::Name | Meaning::ShortText | Meaning::City | Meaning::Partner => {
                let text = (!values.is_empty())
                    .then(|| values::nearly_all(values, |text| text.chars().any(char::is_alphabetic)));
                (format!("language = \"{}\"\n", self.language), text)
            }
            Meaning::Country | Meaning::OriginCountry | Meaning::PartnerCountry => {
                if confirm(values::is_country_code) == Some(true) {
                    (String::new(), Some(true))
                } else {
                    let split = if path.ends_with("[]") { "split = \",\"\n" } else { "" };
                    (format!("country = \"name\"\n{split}"), confirm(values::is_country).filter(|known| *known))
                }
            }
            Meaning::Latitude | Meaning::Longitude | Meaning::Population | Meaning::Amount => {
                match values::decimal_mark(values) {
                    Some(',') => ("decimal = \",\"\n".to_owned(), Some(true)),
                    mark => (String::new(), (!values.is_empty()).then_some(mark.is_some())),
                }
            }
            Meaning::Signed | Meaning::Start | Meaning::End | Meaning::Verified => match values::date_format(values) {
                Some((format, _)) if format.is_empty() => (String::new(), Some(true)),
                Some((format, false)) => (format!("format = \"{format}\"\n"), Some(true)),
                Some((format, true)) => (format!("format = \"{format}\"  # day or month first? check\n"), None),
                None => (String::new(), (!values.is_empty()).then_some(false)),
            },
            Meaning::Sector => match values::nace_version(values) {
                Some(_) => (String::new(), Some(true)),
                None => (String::new(), Some(false)),
            },
            Meaning::Kind | Meaning::Status | Meaning::Stage | Meaning::Size => self.enum_details(path, column),
            Meaning::Languages => (
                "split = \",\"\n".to_owned(),
                Some(values::nearly_all(values, |text| {
                    text.split(',').all(|tag| isopolity_domain::codes::check("bcp47", tag.trim()).is_ok())
                })),
            ),
            Meaning::Lei => (String::new(), confirm(values::is_lei)),
            Meaning::Wikidata => (String::new(), confirm(values::is_wikidata)),
            Meaning::Mailbox => (String::new(), confirm(values::is_mailbox)),
            Meaning::Website => (String::new(), confirm(values::is_address)),
            Meaning::Currency => (
                String::new(),
                Some(values::nearly_all(values, |text| isopolity_domain::codes::check("iso4217", text).is_ok())),
            ),
            // Which register it is only a person can say.
            Meaning::RegisterNumber => (String::new(), Some(false)),
            Meaning::GeoNames | Meaning::Locode | Meaning::Phone => (String::new(), None),
        }
    }

    /// What an enum's column lacks: a translation of its values.
    fn enum_details(&self, path: &str, column: &Column<'_>) -> (String, Option<bool>) {
        if self.fits(path, &column.values) {
            return (String::new(), Some(true));
        }
        let names = self.enum_names(path).join(", ");
        let mut more = format!("# What the values mean, of {names}:\n[field.values]\n");
        let distinct: BTreeSet<&str> = column.values.iter().copied().take(1_000).collect();
        for text in distinct.into_iter().take(SHOWN_MAX) {
            let _ = writeln!(more, "# {} = \"\"", quoted(text));
        }
        (more, Some(false))
    }

    fn enum_names(&self, path: &str) -> Vec<String> {
        let path = Path::parse(&self.kind.descriptor(), path).ok();
        match path.as_ref().and_then(Path::field).map(prost_reflect::FieldDescriptor::kind) {
            Some(FieldKind::Enum(values)) => value::short_names(&values),
            _ => Vec::new(),
        }
    }

    /// Writes a field, commented out if it is doubtful, with what has to stand beside it.
    fn block(&mut self, column: &Column<'_>, path: &str, sureness: Sureness, more: &str) {
        self.taken.insert(path.to_owned());
        let mut body = format!("[[field]]\nto = \"{path}\"\ncolumn = {}\n{more}", quoted(column.name));
        let mut beside = |suffix: &str, name: &str, value: &str, remark: &str| {
            if let Some(stem) = path.strip_suffix(suffix) {
                let path = format!("{stem}.{name}");
                if self.taken.insert(path.clone()) {
                    let _ = write!(body, "\n[[field]]\nto = \"{path}\"\nvalue = \"{value}\"{remark}\n");
                }
            }
        };
        if column.values.iter().all(|value| values::is_lei(value)) && !column.values.is_empty() {
            beside(".value", "scheme", "XI-LEI", "");
        } else if path.contains("identifiers[") {
            beside(".value", "scheme", "", "  # the register's code by org-id.guide, for example PT-NIPC");
        }
        if path.contains("sectors[") || path.contains("sector.") {
            let version = values::nace_version(&column.values).unwrap_or("2.1");
            beside(".code", "scheme", "NACE", "");
            beside(".code", "version", version, "");
        }
        if path.contains("contact_points[") {
            beside(".mailbox", "function", "Office", "");
            beside(".phone", "function", "Office", "");
        }
        let _ = write!(self.blocks, "\n# {}: {}.\n", shown(column.name), sureness.word());
        if sureness == Sureness::Doubtful {
            for line in body.lines() {
                self.blocks.push_str(if line.is_empty() { "#" } else { "# " });
                self.blocks.push_str(line);
                self.blocks.push('\n');
            }
        } else {
            self.active += 1;
            self.blocks.push_str(&body);
        }
    }

    /// A title made of both sides of an agreement, which requires one.
    fn missing_title(&mut self, columns: &[Column<'_>]) {
        let path = "titles[0].text";
        let by = |meaning| columns.iter().find(|column| column.means(meaning)).map(|column| column.name);
        let (Some(own), Some(partner)) = (by(Meaning::City), by(Meaning::Partner)) else { return };
        let plain = |name: &str| !name.contains(['{', '}']);
        if self.taken.contains(path)
            || Path::parse(&self.kind.descriptor(), path).is_err()
            || !plain(own)
            || !plain(partner)
        {
            return;
        }
        self.taken.insert(path.to_owned());
        self.active += 1;
        let template = quoted(&format!("{{{own}}} – {{{partner}}}"));
        let language = self.language;
        let _ = write!(
            self.blocks,
            "\n# No column holds a title.\n[[field]]\nto = \"{path}\"\ntemplate = {template}\nlanguage = \"{language}\"\n"
        );
    }

    /// A reminder of the kind's own kind, which most kinds require.
    fn missing_kind(&mut self) {
        let names = self.enum_names("kind");
        if let (Some(first), false) = (names.first(), self.taken.contains("kind")) {
            let _ = write!(
                self.blocks,
                "\n# No column says of which kind it is. One of {}:\n# [[field]]\n# to = \"kind\"\n# value = \"{first}\"\n",
                names.join(", ")
            );
        }
    }

    /// The lines that say how resources are named.
    fn key(&self, columns: &[Column<'_>]) -> String {
        if self.kind.collection().is_none() {
            return String::new();
        }
        let by = |meaning| columns.iter().find(|column| column.means(meaning)).map(|column| column.name);
        let unique = |column: &&Column<'_>| column.values.iter().collect::<BTreeSet<_>>().len() == column.values.len();
        let single = by(Meaning::RegisterNumber).or_else(|| by(Meaning::Lei)).or_else(|| by(Meaning::Wikidata));
        let names: Vec<&str> = match single {
            Some(name) => vec![name],
            None => {
                [Meaning::Partner, Meaning::Name, Meaning::City, Meaning::Country].into_iter().filter_map(by).collect()
            }
        };
        let names = if names.is_empty() {
            let first = columns.iter().find(unique).or(columns.first());
            vec![first.map_or("?", |column| column.name)]
        } else {
            names
        };
        let names = names.into_iter().map(quoted).collect::<Vec<_>>().join(", ");
        format!("key = [{names}]  # the columns that tell one row from another\n")
    }

    /// A mapping has at least one field.
    fn fill_anything(&mut self, columns: &[Column<'_>]) {
        let path = self.target_of_last_resort();
        let column = columns
            .first()
            .map_or_else(|| "value = \"?\"".to_owned(), |column| format!("column = {}", quoted(column.name)));
        let _ = write!(
            self.blocks,
            "\n# Nothing is sure. This only stands here because a mapping has at least one field.\n[[field]]\nto = \"{path}\"\n{column}\n"
        );
    }

    fn target_of_last_resort(&self) -> String {
        let named = targets(Meaning::Name).iter().find(|path| Path::parse(&self.kind.descriptor(), path).is_ok());
        named.map_or_else(|| "name".to_owned(), |path| (*path).to_owned())
    }
}

/// The beginning of a text as TOML holds it, for a comment.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_LETTERS_MAX) {
        Some((end, _)) => quoted(text.get(..end).unwrap_or(text)),
        None => quoted(text),
    }
}

/// A text as TOML holds it, on one line. As a whole: a mapping names a column as the table does, however long.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            letter if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}') => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
