//! One of the two cities, as its officers see the cooperation.

use std::time::Duration;

use isopolity_node::client::Client;
use isopolity_proto::cooperation::{
    ConfirmRecordRequest, Cooperation, CooperationKind, CreateCooperationRequest, GetCooperationRequest,
    ListCooperationsRequest, Proposal, Statement, Step, TakeStepRequest, WatchInboxRequest, WatchInboxResponse,
    cooperation_service_client::CooperationServiceClient, step::Action,
};
use tokio::time::timeout;
use tonic::{Code, Streaming};

use super::{HOST, ID, PARTNER};
use crate::{
    commands::demo::{Running, channel},
    exit::Exit,
};

/// How long an event may take from one node to the other.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Side {
    /// Its id.
    pub(super) city: &'static str,
    name: String,
    service: CooperationServiceClient<Client>,
    notices: Streaming<WatchInboxResponse>,
}

impl Side {
    pub(super) async fn begin(running: &Running) -> Result<Self, Exit> {
        let mut service = CooperationServiceClient::new(channel(running).await?);
        let mut notices = service.watch_inbox(WatchInboxRequest {}).await?.into_inner();
        // From its first notice on nothing is missed.
        notices.message().await?;
        Ok(Self { city: running.city.id, name: format!("cities/{HOST}/cooperations/{ID}"), service, notices })
    }

    /// The cooperation as it stands here, if this city knows of it.
    pub(super) async fn standing(&mut self) -> Result<Option<Cooperation>, Exit> {
        let name = self.name.clone();
        self.read(name).await
    }

    async fn read(&mut self, name: String) -> Result<Option<Cooperation>, Exit> {
        match self.service.get_cooperation(GetCooperationRequest { name }).await {
            Ok(found) => Ok(found.into_inner().cooperation),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(status.into()),
        }
    }

    /// The cooperation once it is here and stands so.
    pub(super) async fn until(
        &mut self,
        what: &str,
        holds: impl Fn(&Cooperation) -> bool,
    ) -> Result<Cooperation, Exit> {
        let name = self.name.clone();
        self.until_of(&name, what, holds).await
    }

    /// The same of another cooperation.
    pub(super) async fn until_of(
        &mut self,
        name: &str,
        what: &str,
        holds: impl Fn(&Cooperation) -> bool,
    ) -> Result<Cooperation, Exit> {
        loop {
            if let Some(now) = self.read(name.to_owned()).await?.filter(&holds) {
                return Ok(now);
            }
            let late = |_: tokio::time::error::Elapsed| {
                Exit::fault(format!("{}: {what} did not arrive within {} s", self.city, PATIENCE.as_secs()))
            };
            if timeout(PATIENCE, self.notices.message()).await.map_err(late)??.is_none() {
                return Err(Exit::fault(format!("{}: the node tells of nothing any more", self.city)));
            }
        }
    }

    pub(super) async fn draft(&mut self, draft: Proposal) -> Result<(), Exit> {
        let request =
            CreateCooperationRequest { cooperation_id: ID.to_owned(), draft: Some(draft), validate_only: false };
        self.service.create_cooperation(request).await?;
        Ok(())
    }

    pub(super) async fn take(&mut self, action: Action) -> Result<(), Exit> {
        let step = Some(Step { action: Some(action) });
        self.service.take_step(TakeStepRequest { name: self.name.clone(), step, ..Default::default() }).await?;
        Ok(())
    }

    /// Says what this city knows of the other's record, unless it has. Returns the name of the cooperation by which it does.
    pub(super) async fn confirm(&mut self, statement: Statement) -> Result<String, Exit> {
        let other = if self.city == HOST { PARTNER } else { HOST };
        let said = ListCooperationsRequest {
            kinds: vec![CooperationKind::Confirmation.into()],
            city: other.to_owned(),
            ..ListCooperationsRequest::default()
        };
        let known = self.service.list_cooperations(said).await?.into_inner().cooperations.into_iter().next();
        let cooperation = if known.is_some() {
            known
        } else {
            let request = ConfirmRecordRequest { statement: Some(statement) };
            self.service.confirm_record(request).await?.into_inner().cooperation
        };
        Ok(cooperation.unwrap_or_default().name)
    }
}

pub(super) fn has_signed(now: &Cooperation, city: &str) -> bool {
    now.participations.iter().any(|one| one.city == city && one.signature.is_some())
}
