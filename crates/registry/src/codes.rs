//! Code lists, for forms and checks in clients. They are part of the program, the same in every city.

use isopolity_domain::{
    Violation,
    codes::{self, Code, CodeError, Conversion, Status},
    page_token,
    question::check_page_size,
};
use isopolity_proto::{
    error::Reason,
    registry::{
        self, CodeLabel, ConversionCertainty, ConvertCodeRequest, ConvertCodeResponse, ConvertedCode, ListCodesRequest,
        ListCodesResponse,
    },
};

use crate::{Error, Registry};

/// The largest page of codes.
const PAGE_MAX: i32 = 1_000;
/// The page of codes where the caller names no size.
const PAGE_DEFAULT: i32 = 50;
/// Codes that are looked at in one go.
const GLANCE: usize = 1_000;
/// The longest query, in characters.
const QUERY_MAX: usize = 200;

impl Registry {
    /// All code lists, in order of id.
    #[must_use]
    pub fn code_lists(&self) -> Vec<registry::CodeList> {
        let lists = codes::lists().iter();
        let described = lists.map(|list| registry::CodeList {
            list: list.id.to_owned(),
            title: list.title.to_owned(),
            version: list.version.to_owned(),
            source: list.source.to_owned(),
            licence: list.licence.to_owned(),
            codes: i64::try_from(list.count()).unwrap_or(i64::MAX),
            languages: list.languages().into_iter().map(str::to_owned).collect(),
        });
        described.collect()
    }

    /// A page of the codes of a list.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a list or a code that does not exist, a page size out of range, or a foreign page token.
    pub fn list_codes(&self, request: &ListCodesRequest) -> Result<ListCodesResponse, Error> {
        let ListCodesRequest { list, query, parent_code, include_withdrawn, page_size, page_token } = request;
        if list.is_empty() {
            return Err(Violation::required("list").into());
        }
        let known = codes::list(list).map_err(|error| unknown("list", &error))?;
        if query.chars().count() > QUERY_MAX {
            return Err(Violation::invalid("query", format!("is longer than {QUERY_MAX} characters")).into());
        }
        if !parent_code.is_empty() {
            codes::check(list, parent_code).map_err(|error| unknown("parent_code", &error))?;
        }
        let size = check_page_size(*page_size, "page_size", PAGE_DEFAULT, PAGE_MAX)?;
        let purpose = format!("codes {list:?} {query:?} {parent_code:?} {include_withdrawn}");
        let mut after = if page_token.is_empty() {
            String::new()
        } else {
            page_token::decode(&self.inner.page_key, &purpose, page_token).map_err(|error| error.at("page_token"))?
        };
        let wanted = |code: &Code| {
            (*include_withdrawn || code.status == Status::Current)
                && (parent_code.is_empty() || code.parent == Some(parent_code.as_str()))
        };
        // One more than the page holds, to know whether there is another.
        let mut found: Vec<Code> = Vec::new();
        while found.len() <= size {
            let entries = known.entries(&after, GLANCE, query);
            let Some(last) = entries.last() else { break };
            after = String::from(&*last.code);
            found.extend(entries.into_iter().filter(wanted).take(size + 1 - found.len()));
        }
        let more = found.len() > size;
        found.truncate(size);
        let next_page_token = match found.last() {
            Some(last) if more => page_token::encode(&self.inner.page_key, &purpose, &last.code),
            _ => String::new(),
        };
        Ok(ListCodesResponse { codes: found.into_iter().map(|code| message(list, code)).collect(), next_page_token })
    }

    /// What a code may be in another list, the surest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a list or a code that does not exist, and for lists between which there is no conversion.
    pub fn convert_code(&self, request: &ConvertCodeRequest) -> Result<ConvertCodeResponse, Error> {
        let ConvertCodeRequest { list, code, to_list } = request;
        for (field, text) in [("list", list), ("code", code), ("to_list", to_list)] {
            if text.is_empty() {
                return Err(Violation::required(field).into());
            }
        }
        for (field, list) in [("list", list), ("to_list", to_list)] {
            codes::list(list).map_err(|error| unknown(field, &error))?;
        }
        let converted = codes::convert(list, code, to_list).map_err(|error| match error {
            CodeError::NoConversion { .. } => Violation::invalid("to_list", error.to_string()).into(),
            error => unknown("code", &error),
        })?;
        // Between NACE 2 and ISIC 4 there is an official table; between the revisions of NACE there is none here.
        let official = [list, to_list].iter().any(|list| list.as_str() == "isic-4");
        let same = if official { ConversionCertainty::Official } else { ConversionCertainty::Same };
        let found: Vec<(String, ConversionCertainty)> = match converted {
            Conversion::Same(code) => vec![(code, same)],
            Conversion::Within(code) => vec![(code, ConversionCertainty::Official)],
            Conversion::Split(codes) => codes.into_iter().map(|code| (code, ConversionCertainty::Official)).collect(),
            Conversion::Renamed { code, .. } => vec![(code, ConversionCertainty::Renamed)],
            Conversion::Candidates(candidates) => {
                candidates.into_iter().map(|candidate| (candidate.code, ConversionCertainty::Candidate)).collect()
            }
            Conversion::None => Vec::new(),
        };
        let described = found.into_iter().filter_map(|(code, certainty)| {
            let code = message(to_list, codes::look_up(to_list, &code)?);
            Some(ConvertedCode { code: Some(code), certainty: certainty.into() })
        });
        Ok(ConvertCodeResponse { codes: described.collect() })
    }
}

fn unknown(field: &str, error: &CodeError) -> Error {
    Violation { field: field.to_owned(), reason: Reason::CodeUnknown, description: error.to_string() }.into()
}

fn message(list: &str, code: Code) -> registry::Code {
    let country = country(list, &code);
    let remarks: Vec<String> = code
        .notes
        .iter()
        .filter(|(name, _)| *name != "country")
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    registry::Code {
        parent_code: code.parent.unwrap_or_default().to_owned(),
        labels: code
            .labels
            .into_iter()
            .map(|label| CodeLabel { language: label.language.to_owned(), text: label.text.into_owned() })
            .collect(),
        withdrawn: code.status != Status::Current,
        country,
        remark: remarks.join("; "),
        code: code.code.into_owned(),
    }
}

/// The country in which a code holds, for lists that are divided by country.
fn country(list: &str, code: &Code) -> String {
    let text = match list {
        "iso3166-2" | "un-locode" => code.code.get(..2),
        // A register of several countries belongs to none of them.
        "org-id" => code.note("coverage").filter(|coverage| coverage.len() == 2),
        _ => code.note("country"),
    };
    text.unwrap_or_default().to_owned()
}
