//! The standard methods of every kind of resource, called through the descriptors: a kind that the proto gains is served
//! here without a further line.

mod codec;

use isopolity_node::client::Client;
use isopolity_proto::pool;
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, MethodDescriptor, ServiceDescriptor, Value};
use tonic::{Code, Request, Status, client::Grpc, codegen::http::uri::PathAndQuery};

use crate::exit::Exit;
use codec::DynamicCodec;

const PACKAGE: &str = "isopolity.registry.v1";

/// A kind of resource and the service that keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Collection {
    message: MessageDescriptor,
    service: ServiceDescriptor,
}

impl Collection {
    /// Every kind that has a service, in order of name.
    pub(crate) fn all() -> Vec<Self> {
        let mut all: Vec<Self> = pool()
            .services()
            .filter(|service| service.package_name() == PACKAGE)
            .filter_map(Self::of_service)
            .collect();
        all.sort_by_key(Self::word);
        all
    }

    fn of_service(service: ServiceDescriptor) -> Option<Self> {
        let name = service.name().strip_suffix("Service")?.to_owned();
        let message = pool().get_message_by_name(&format!("{PACKAGE}.{name}"))?;
        let get = format!("Get{name}");
        service.methods().find(|method| method.name() == get)?;
        Some(Self { message, service })
    }

    /// The kind that this word means: `support_service`, `support-service`, `SupportService` or `supportServices`.
    pub(crate) fn of_word(word: &str) -> Result<Self, Exit> {
        let bare = |text: &str| text.to_lowercase().replace(['_', '-'], "");
        let all = Self::all();
        let wanted = bare(word);
        all.iter()
            .find(|one| bare(&one.word()) == wanted || one.collection().is_some_and(|name| bare(&name) == wanted))
            .cloned()
            .ok_or_else(|| {
                let words: Vec<String> = all.iter().map(Self::word).collect();
                Exit::usage(format!("{word:?} is no kind of record; there is {}", words.join(", ")))
            })
    }

    /// The kind of the resource with this name.
    pub(crate) fn of_name(name: &str) -> Result<Self, Exit> {
        let parts: Vec<&str> = name.split('/').collect();
        let collection = match parts.as_slice() {
            ["cities", _] => None,
            ["cities", _, collection, _] => Some((*collection).to_owned()),
            _ => {
                return Err(Exit::usage(format!(
                    "{name:?} is no resource name, such as cities/feira.example/places/kenitra"
                )));
            }
        };
        let found = Self::all().into_iter().find(|one| one.collection() == collection);
        found.ok_or_else(|| Exit::usage(format!("{name:?} is in no collection that a registry has")))
    }

    /// The kind whose message has this full name.
    pub(crate) fn of_message(full_name: &str) -> Option<Self> {
        Self::all().into_iter().find(|one| one.message.full_name() == full_name)
    }

    /// The word for one of this kind, for example `support_service`.
    pub(crate) fn word(&self) -> String {
        let mut word = String::new();
        for letter in self.message.name().chars() {
            if letter.is_uppercase() && !word.is_empty() {
                word.push('_');
            }
            word.extend(letter.to_lowercase());
        }
        word
    }

    /// The collection's part of a resource name; the city is in none.
    fn collection(&self) -> Option<String> {
        let list = self.service.methods().find(|method| method.name().starts_with("List"))?;
        let plural = list.name().strip_prefix("List")?;
        let mut letters = plural.chars();
        letters.next().map(|first| first.to_lowercase().chain(letters).collect())
    }

    pub(crate) fn message(&self) -> &MessageDescriptor {
        &self.message
    }

    /// An empty request of a method, if there is one that begins with this verb.
    pub(crate) fn request(&self, verb: &str) -> Result<(MethodDescriptor, DynamicMessage), Exit> {
        let method = self.service.methods().find(|method| method.name().starts_with(verb)).ok_or_else(|| {
            let word = self.word().replace('_', " ");
            Exit::refused(format!("no {word} can be changed so: there is no method {verb} in {}", self.service.name()))
        })?;
        let request = DynamicMessage::new(method.input());
        Ok((method, request))
    }

    /// Reads a resource; `None` if there is none that the caller may see.
    pub(crate) async fn get(&self, client: &Client, name: &str) -> Result<Option<DynamicMessage>, Exit> {
        let (method, mut request) = self.request("Get")?;
        request.set_field_by_name("name", Value::String(name.to_owned()));
        match call(client, &method, request).await {
            Ok(response) => self.of_response(&response).map(Some),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(status.into()),
        }
    }

    /// Calls a method whose response holds one resource of this kind.
    pub(crate) async fn change(
        &self,
        client: &Client,
        method: &MethodDescriptor,
        request: DynamicMessage,
    ) -> Result<DynamicMessage, Exit> {
        self.of_response(&call(client, method, request).await?)
    }

    fn of_response(&self, response: &DynamicMessage) -> Result<DynamicMessage, Exit> {
        match response.get_field_by_name(&self.word()).as_deref() {
            Some(Value::Message(resource)) => Ok(resource.clone()),
            _ => Err(Exit::fault("the node answered without a record")),
        }
    }
}

/// Calls a method of one request and one response.
pub(crate) async fn call(
    client: &Client,
    method: &MethodDescriptor,
    request: DynamicMessage,
) -> Result<DynamicMessage, Status> {
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let path = PathAndQuery::try_from(path).map_err(|error| Status::internal(error.to_string()))?;
    let mut grpc = Grpc::new(client.clone());
    grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
    let codec = DynamicCodec::new(method.output());
    Ok(grpc.unary(Request::new(request), path, codec).await?.into_inner())
}

/// The resources in a response of a list.
pub(crate) fn listed(response: &DynamicMessage) -> Vec<DynamicMessage> {
    let many = response.fields().find_map(|(field, value)| match (field.kind(), value) {
        (Kind::Message(_), Value::List(values)) => Some(values.clone()),
        _ => None,
    });
    many.unwrap_or_default().into_iter().filter_map(|value| value.as_message().cloned()).collect()
}

/// A text field of a message; empty if it has none.
pub(crate) fn text(message: &DynamicMessage, field: &str) -> String {
    match message.get_field_by_name(field).as_deref() {
        Some(Value::String(text)) => text.clone(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_found_by_each_of_its_words_and_by_the_names_of_its_resources() {
        for word in ["support_service", "support-service", "SupportService", "supportServices"] {
            assert_eq!(Collection::of_word(word).unwrap().word(), "support_service");
        }
        assert_eq!(Collection::of_name("cities/a.b/stageEvents/x").unwrap().word(), "stage_event");
        assert_eq!(Collection::of_name("cities/a.b").unwrap().word(), "city");
        for bad in ["", "cities", "cities/a.b/boats/x", "towns/a.b"] {
            assert!(Collection::of_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_kind_with_a_service_is_there_and_nothing_else() {
        let words: Vec<String> = Collection::all().iter().map(Collection::word).collect();
        assert_eq!(words.len(), 13, "{words:?}");
    }
}
