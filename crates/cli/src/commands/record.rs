//! Working with this city's own records, of every kind.

use std::io::Read as _;

use isopolity_node::client::Client;
use isopolity_proto::{
    json,
    registry::{ListRevisionsRequest, Revision, RevisionChange, history_service_client::HistoryServiceClient},
};
use prost_reflect::{DynamicMessage, Value};
use serde_json::json;
use uuid::Uuid;

use crate::{
    args::{Global, ListRecords, Output, PutRecord, Record},
    connection::{connect, read},
    exit::Exit,
    output,
    resources::{Collection, call, listed, text},
};

/// The largest page that a node gives.
const PAGE: usize = 1_000;

pub(super) async fn run(global: &Global, command: &Record) -> Result<(), Exit> {
    match command {
        Record::Get { name } => {
            let kind = Collection::of_name(name)?;
            let found = kind.get(&connect(global).await?, name).await?;
            show(global, &found.ok_or_else(|| Exit::refused(format!("there is no {name} here that you may see")))?)
        }
        Record::List(arguments) => list(global, arguments).await,
        Record::Put(arguments) => put(global, arguments).await,
        Record::Delete { name, etag, dry_run } => remove(global, "Delete", name, etag, *dry_run).await,
        Record::Restore { name, etag, dry_run } => remove(global, "Undelete", name, etag, *dry_run).await,
        Record::History { name, revision } => history(global, name, *revision).await,
    }
}

/// Prints a resource.
pub(super) fn show(global: &Global, resource: &DynamicMessage) -> Result<(), Exit> {
    if global.output == Output::Table {
        let state = if text(resource, "etag").is_empty() {
            String::new()
        } else {
            format!(" (version {})", text(resource, "etag"))
        };
        output::line(&format!("{}{state}", text(resource, "name")))?;
    }
    output::line(&output::dynamic(resource, global.output == Output::Json))
}

async fn list(global: &Global, arguments: &ListRecords) -> Result<(), Exit> {
    let kind = Collection::of_word(&arguments.kind)?;
    let client = connect(global).await?;
    let parent = own_city(global, &client).await?;
    let mut found = Vec::new();
    let mut token = String::new();
    loop {
        let (method, mut request) = kind.request("List")?;
        let size = arguments.limit.saturating_sub(found.len()).min(PAGE);
        for (field, value) in [
            ("parent", &parent),
            ("page_token", &token),
            ("filter", &arguments.filter),
            ("order_by", &arguments.order_by),
        ] {
            request.set_field_by_name(field, Value::String(value.clone()));
        }
        request.set_field_by_name("page_size", Value::I32(i32::try_from(size).unwrap_or(1)));
        request.set_field_by_name("show_deleted", Value::Bool(arguments.deleted));
        let response = call(&client, &method, request).await?;
        found.extend(listed(&response));
        token = text(&response, "next_page_token");
        if token.is_empty() || found.len() >= arguments.limit {
            break;
        }
    }
    if global.output == Output::Json {
        let records: Vec<_> = found.iter().map(|one| json::dynamic_to_value(one, true)).collect();
        return output::line(&json!({"records": records, "more": !token.is_empty()}).to_string());
    }
    let mut rows = output::table(&["Name", "Title", "Audience", "Changed", "Stale"]);
    for one in &found {
        let name = text(one, "name");
        let short = name.strip_prefix(&format!("{parent}/")).unwrap_or(&name).to_owned();
        let deleted = one.has_field_by_name("delete_time");
        rows.add_row([
            if deleted { format!("{short} [deleted]") } else { short },
            output::headline(one),
            output::enumeration(one, "audience"),
            output::time_of(one, "update_time"),
            output::stale(one),
        ]);
    }
    output::line(&rows.to_string())?;
    if !token.is_empty() {
        output::note(&format!("there are more than {}: raise --limit or narrow --filter", found.len()));
    }
    Ok(())
}

/// The resource name of the city that the node is of. Everyone who is known may ask, whatever their role.
pub(super) async fn own_city(_: &Global, client: &Client) -> Result<String, Exit> {
    use isopolity_proto::admin::{GetSessionRequest, session_service_client::SessionServiceClient};
    let mut sessions = SessionServiceClient::new(client.clone());
    let session = sessions.get_session(GetSessionRequest {}).await?.into_inner().session.unwrap_or_default();
    Ok(format!("cities/{}", session.city))
}

async fn put(global: &Global, arguments: &PutRecord) -> Result<(), Exit> {
    let file = if arguments.file.as_os_str() == "-" {
        let mut input = String::new();
        std::io::stdin()
            .read_to_string(&mut input)
            .map_err(|error| Exit::usage(format!("standard input can't be read: {error}")))?;
        input
    } else {
        read(&arguments.file)?
    };
    let (kind, resource) = parse(&file, arguments)?;
    let client = connect(global).await?;
    let name = text(&resource, "name");
    let known = if name.is_empty() { None } else { kind.get(&client, &name).await? };
    let (verb, id) = match (&known, name.rsplit_once('/')) {
        (Some(_), _) => ("Update", ""),
        (None, Some((_, id))) => ("Create", id),
        (None, None) => ("Create", ""),
    };
    if known.is_some() && arguments.new {
        return Err(Exit::refused(format!("{name} exists already")));
    }
    let (method, mut request) = kind.request(verb)?;
    if verb == "Create" {
        let parent = own_city(global, &client).await?;
        request.set_field_by_name("parent", Value::String(parent));
        request.set_field_by_name(&format!("{}_id", kind.word()), Value::String(id.to_owned()));
    }
    request.set_field_by_name(&kind.word(), Value::Message(resource));
    finish(&mut request, arguments.dry_run);
    let stored = kind.change(&client, &method, request).await?;
    if global.output == Output::Table {
        let done = match (verb, arguments.dry_run) {
            ("Create", false) => "created",
            ("Create", true) => "would be created",
            (_, true) => "would be as follows",
            _ if known.as_ref().is_some_and(|known| text(known, "etag") == text(&stored, "etag")) => "says nothing new",
            _ => "changed",
        };
        output::note(done);
    }
    show(global, &stored)
}

/// Whether to write, and an id with which the request can be repeated.
fn finish(request: &mut DynamicMessage, dry_run: bool) {
    request.set_field_by_name("validate_only", Value::Bool(dry_run));
    if !dry_run {
        request.set_field_by_name("request_id", Value::String(Uuid::new_v4().to_string()));
    }
}

/// The resource in a JSON file, its kind by `@type`, by its name, or by the option.
fn parse(file: &str, arguments: &PutRecord) -> Result<(Collection, DynamicMessage), Exit> {
    let place = arguments.file.display();
    let wrong = |error: &dyn std::fmt::Display| Exit::usage(format!("{place}: {error}"));
    let value: serde_json::Value = serde_json::from_str(file).map_err(|error| wrong(&error))?;
    let field = |name: &str| value.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    let tagged = field("@type").rsplit_once('/').and_then(|(_, name)| Collection::of_message(name));
    let kind = match (&arguments.kind, tagged) {
        (Some(word), _) => Collection::of_word(word)?,
        (None, Some(kind)) => kind,
        (None, None) if !field("name").is_empty() => Collection::of_name(field("name"))?,
        (None, None) => {
            return Err(wrong(&"says neither \"@type\" nor \"name\": name the kind with --kind"));
        }
    };
    let mut value = value.clone();
    if let Some(object) = value.as_object_mut() {
        object.remove("@type");
    }
    let options = prost_reflect::DeserializeOptions::new().deny_unknown_fields(true);
    let resource = DynamicMessage::deserialize_with_options(kind.message().clone(), value, &options)
        .map_err(|error| wrong(&error))?;
    Ok((kind, resource))
}

async fn remove(global: &Global, verb: &str, name: &str, etag: &str, dry_run: bool) -> Result<(), Exit> {
    let kind = Collection::of_name(name)?;
    let client = connect(global).await?;
    let (method, mut request) = kind.request(verb)?;
    request.set_field_by_name("name", Value::String(name.to_owned()));
    request.set_field_by_name("etag", Value::String(etag.to_owned()));
    finish(&mut request, dry_run);
    let resource = kind.change(&client, &method, request).await?;
    if global.output == Output::Json {
        return show(global, &resource);
    }
    output::line(&match (verb, dry_run) {
        ("Delete", false) => format!("{name} is deleted; isopolity record restore {name} brings it back"),
        ("Delete", true) => format!("{name} can be deleted"),
        (_, false) => format!("{name} is restored"),
        (_, true) => format!("{name} can be restored"),
    })
}

async fn history(global: &Global, name: &str, wanted: Option<i64>) -> Result<(), Exit> {
    let mut history = HistoryServiceClient::new(connect(global).await?);
    let mut revisions: Vec<Revision> = Vec::new();
    let mut token = String::new();
    loop {
        let request = ListRevisionsRequest { name: name.to_owned(), page_size: 100, page_token: token };
        let page = history.list_revisions(request).await?.into_inner();
        revisions.extend(page.revisions);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    if let Some(wanted) = wanted {
        let found = revisions.iter().find(|one| one.revision == wanted);
        let found = found.ok_or_else(|| Exit::refused(format!("{name} has no version {wanted}")))?;
        return output::line(&found.resource.as_ref().map(output::resource).unwrap_or_default());
    }
    if global.output == Output::Json {
        let revisions: Vec<_> = revisions.iter().map(|one| json::to_value(one, true)).collect();
        return output::line(&json!({"revisions": revisions}).to_string());
    }
    let mut rows = output::table(&["Version", "Time", "By", "What", "Fields"]);
    for one in &revisions {
        rows.add_row([
            one.revision.to_string(),
            output::when(one.time.as_ref()),
            one.author.clone(),
            change_word(one.change()).to_owned(),
            one.changed_fields.join(" "),
        ]);
    }
    output::line(&rows.to_string())
}

fn change_word(change: RevisionChange) -> &'static str {
    match change {
        RevisionChange::Unspecified => "?",
        RevisionChange::Created => "created",
        RevisionChange::Updated => "changed",
        RevisionChange::Deleted => "deleted",
        RevisionChange::Restored => "restored",
    }
}
