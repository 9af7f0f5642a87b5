//! What resources were before.

use isopolity_proto::{
    admin::Role,
    registry::{
        DeletePartnershipRequest, ListRevisionsRequest, ListRevisionsResponse, Partnership, RevisionChange,
        UndeletePartnershipRequest, history_service_client::HistoryServiceClient,
    },
};
use isopolity_tests::{
    Api, TestNode,
    refusal::{fields, reason},
    sample::{organization, partnership, text},
};
use prost::Message as _;
use tonic::{Code, Status};

async fn revisions(api: &Api, name: &str, page_size: i32, token: &str) -> Result<ListRevisionsResponse, Status> {
    let request = ListRevisionsRequest { name: name.into(), page_size, page_token: token.into() };
    Ok(HistoryServiceClient::new(api.client.clone()).list_revisions(request).await?.into_inner())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_is_a_version_with_its_author_and_its_fields() {
    let feira = TestNode::start("feira.example").await;
    let bread = feira.api.create("bread", partnership("Bread", "MA")).await;
    let editor = feira.api_with(Some(&feira.api.new_token(Role::Editor).await)).await;
    let changed = Partnership {
        titles: vec![text("Cakes", "en")],
        internal_notes: "new".into(),
        etag: String::new(),
        ..bread.clone()
    };
    let changed = editor.update(changed, &[]).await.unwrap();
    let delete = DeletePartnershipRequest { name: bread.name.clone(), ..Default::default() };
    feira.api.partnerships().delete_partnership(delete).await.unwrap();
    let undelete = UndeletePartnershipRequest { name: bread.name.clone(), ..Default::default() };
    let restored =
        feira.api.partnerships().undelete_partnership(undelete).await.unwrap().into_inner().partnership.unwrap();

    let all = revisions(&feira.api, &bread.name, 0, "").await.unwrap().revisions;
    let what: Vec<_> = all.iter().map(|one| (one.revision, one.change())).collect();
    assert_eq!(
        what,
        [
            (4, RevisionChange::Restored),
            (3, RevisionChange::Deleted),
            (2, RevisionChange::Updated),
            (1, RevisionChange::Created)
        ]
    );
    assert_eq!(all[2].changed_fields, ["titles", "internal_notes"]);
    assert_eq!(all[1].changed_fields, ["delete_time", "state"]);
    assert!(all[3].changed_fields.is_empty(), "there was nothing before it");
    assert!(all[2].author != all[3].author && all[1].author == all[3].author);
    let then: Vec<_> =
        all.iter().map(|one| Partnership::decode(one.resource.as_ref().unwrap().value.as_slice()).unwrap()).collect();
    assert_eq!((&then[3], &then[2], &then[0]), (&bread, &changed, &restored));

    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = revisions(&feira.api, &bread.name, 3, &token).await.unwrap();
        seen.extend(page.revisions);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, all, "pages hold the same");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_is_for_own_staff_and_of_what_was_here() {
    let feira = TestNode::plan("feira.example").open_to_everyone().start().await;
    let mill = feira.api.create_organization("mill", organization("Mill", "MA")).await;
    let everyone = feira.api_with(None).await;
    let refused = revisions(&everyone, &mill.name, 0, "").await.unwrap_err();
    assert_eq!(reason(&refused), (Code::Unauthenticated, "TOKEN_MISSING".into()));
    let reader = feira.api_with(Some(&feira.api.new_token(Role::Viewer).await)).await;
    assert_eq!(revisions(&reader, &mill.name, 0, "").await.unwrap().revisions.len(), 1);
    let profile = revisions(&reader, "cities/feira.example", 0, "").await.unwrap().revisions;
    assert_eq!(profile[0].author, "node");

    let refused = revisions(&reader, "cities/feira.example/organizations/nobody", 0, "").await.unwrap_err();
    assert_eq!(reason(&refused), (Code::NotFound, "RESOURCE_NOT_FOUND".into()));
    for (name, size, token, field) in [
        ("mill", 0, "", "name"),
        (mill.name.as_str(), 1_001, "", "page_size"),
        (mill.name.as_str(), 0, "next", "page_token"),
    ] {
        let refused = revisions(&reader, name, size, token).await.unwrap_err();
        assert_eq!((refused.code(), fields(&refused)), (Code::InvalidArgument, vec![field.to_owned()]));
    }
}
