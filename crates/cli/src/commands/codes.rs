//! Looking codes up.

use isopolity_proto::registry::{
    Code, ConversionCertainty, ConvertCodeRequest, ListCodeListsRequest, ListCodesRequest,
    code_service_client::CodeServiceClient,
};

use crate::{
    args::{Codes, Global, Output},
    connection::connect,
    exit::Exit,
    output,
};

pub(super) async fn run(global: &Global, arguments: &Codes) -> Result<(), Exit> {
    let mut codes = CodeServiceClient::new(connect(global).await?);
    let Some(list) = &arguments.list else {
        let lists = codes.list_code_lists(ListCodeListsRequest {}).await?.into_inner();
        if global.output == Output::Json {
            return output::json(&lists);
        }
        let mut rows = output::table(&["List", "What", "Version", "Codes", "Languages", "Licence"]);
        for one in &lists.lists {
            rows.add_row([
                one.list.clone(),
                one.title.clone(),
                one.version.clone(),
                one.codes.to_string(),
                one.languages.join(" "),
                one.licence.clone(),
            ]);
        }
        return output::line(&rows.to_string());
    };
    if let (Some(code), Some(to)) = (&arguments.convert, &arguments.to) {
        let request = ConvertCodeRequest { list: list.clone(), code: code.clone(), to_list: to.clone() };
        let converted = codes.convert_code(request).await?.into_inner();
        if global.output == Output::Json {
            return output::json(&converted);
        }
        if converted.codes.is_empty() {
            return output::line(&format!("nothing in {to} corresponds to {code} of {list}"));
        }
        let mut rows = output::table(&["Code", "Label", "How sure"]);
        for one in &converted.codes {
            let code = one.code.clone().unwrap_or_default();
            rows.add_row([code.code.clone(), label(&code, &arguments.language), certainty(one.certainty()).to_owned()]);
        }
        return output::line(&rows.to_string());
    }
    let request = ListCodesRequest {
        list: list.clone(),
        query: arguments.words.join(" "),
        parent_code: arguments.parent.clone(),
        include_withdrawn: arguments.withdrawn,
        page_size: arguments.limit,
        page_token: String::new(),
    };
    let found = codes.list_codes(request).await?.into_inner();
    if global.output == Output::Json {
        return output::json(&found);
    }
    let mut rows = output::table(&["Code", "Label", "Below", "Country", "Remark"]);
    for one in &found.codes {
        rows.add_row([
            if one.withdrawn { format!("{} [withdrawn]", one.code) } else { one.code.clone() },
            label(one, &arguments.language),
            one.parent_code.clone(),
            one.country.clone(),
            one.remark.clone(),
        ]);
    }
    output::line(&rows.to_string())?;
    if !found.next_page_token.is_empty() {
        output::note(&format!("there are more than {}: raise --limit or add words", found.codes.len()));
    }
    Ok(())
}

/// The label in the language that was asked for, else in English, else the first.
fn label(code: &Code, language: &str) -> String {
    let of = |language: &str| code.labels.iter().find(|label| label.language == language);
    of(language)
        .or_else(|| of("en"))
        .or_else(|| code.labels.first())
        .map(|label| label.text.clone())
        .unwrap_or_default()
}

fn certainty(certainty: ConversionCertainty) -> &'static str {
    match certainty {
        ConversionCertainty::Unspecified => "?",
        ConversionCertainty::Official => "official table",
        ConversionCertainty::Same => "same code and title",
        ConversionCertainty::Renamed => "same code, other title: check",
        ConversionCertainty::Candidate => "alike by title: check",
    }
}
