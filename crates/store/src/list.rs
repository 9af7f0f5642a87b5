//! Lists of documents: in an order, page by page.
//!
//! A page goes on after a point, not after so many rows. So what does not change while a list is read is neither skipped
//! nor repeated, whatever else is written meanwhile.

use std::{fmt, str::FromStr};

use isopolity_domain::{
    Kind, Name,
    filter::{Order, OrderField},
};
use isopolity_proto::options::Audience;
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, Order as Way, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Value,
};

use crate::{
    Document, Store, StoreError, at_most,
    document::from_row,
    entity::document::{Column, Entity},
    error::Fault,
    micros::to_micros,
};

/// Which documents to list, and how.
#[derive(Clone, Debug)]
pub struct Listing<'a> {
    /// The kind.
    pub kind: Kind,
    /// What the reader may see.
    pub clearance: Audience,
    /// Deleted documents as well.
    pub show_deleted: bool,
    /// The order. Where it leaves documents equal, they come by name, in the order of its bytes.
    pub order: &'a Order,
}

/// A place in a list: after it the next page begins. Written as text it can be part of a page token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPoint {
    create_time: i64,
    update_time: i64,
    name: Name,
}

impl From<&Document> for ListPoint {
    fn from(document: &Document) -> Self {
        Self {
            create_time: to_micros(document.create_time),
            update_time: to_micros(document.update_time),
            name: document.name.clone(),
        }
    }
}

impl fmt::Display for ListPoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} {}", self.create_time, self.update_time, self.name)
    }
}

/// Not a place in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a place in a list: two times and a name")]
pub struct ListPointError;

impl FromStr for ListPoint {
    type Err = ListPointError;

    fn from_str(text: &str) -> Result<Self, ListPointError> {
        let mut parts = text.splitn(3, ' ');
        let mut part = || parts.next().ok_or(ListPointError);
        let time = |text: &str| text.parse().map_err(|_error: std::num::ParseIntError| ListPointError);
        Ok(Self {
            create_time: time(part()?)?,
            update_time: time(part()?)?,
            name: part()?.parse().map_err(|_error: isopolity_domain::name::NameError| ListPointError)?,
        })
    }
}

impl ListPoint {
    fn value(&self, column: Column) -> Value {
        match column {
            Column::CreateTime => self.create_time.into(),
            Column::UpdateTime => self.update_time.into(),
            _ => self.name.to_string().into(),
        }
    }
}

impl Store {
    /// A page of documents, from the first after `after`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list(
        &self,
        listing: &Listing<'_>,
        after: Option<&ListPoint>,
        limit: u64,
    ) -> Result<Vec<Document>, StoreError> {
        list(self.pool(), listing, after, limit).await.map_err(self.fault("list documents"))
    }

    /// The documents of a kind that somebody with this clearance may see and that are not deleted, by name in the order of
    /// its bytes, from the first after `after`. For reading everything in pieces.
    ///
    /// # Errors
    /// What the database says.
    pub async fn documents_of_kind(
        &self,
        kind: Kind,
        clearance: Audience,
        after: Option<&Name>,
        limit: u64,
    ) -> Result<Vec<Document>, StoreError> {
        let order = Order::default();
        let listing = Listing { kind, clearance, show_deleted: false, order: &order };
        // The order is by name only, so the times are not looked at.
        let after = after.map(|name| ListPoint { create_time: 0, update_time: 0, name: name.clone() });
        list(self.pool(), &listing, after.as_ref(), limit).await.map_err(self.fault("read documents of a kind"))
    }
}

impl Store {
    /// All documents, deleted ones too, by name, from the first after `after`. For reading everything in pieces.
    ///
    /// # Errors
    /// What the database says.
    pub async fn all_documents(&self, after: Option<&Name>, limit: u64) -> Result<Vec<Document>, StoreError> {
        all(self.pool(), after, limit).await.map_err(self.fault("read all documents"))
    }
}

async fn all(db: &impl ConnectionTrait, after: Option<&Name>, limit: u64) -> Result<Vec<Document>, Fault> {
    let mut query = Entity::find();
    if let Some(after) = after {
        query = query.filter(Column::Name.gt(after.to_string()));
    }
    query.order_by_asc(Column::Name).limit(at_most(limit)).all(db).await?.into_iter().map(from_row).collect()
}

async fn list(
    db: &impl ConnectionTrait,
    listing: &Listing<'_>,
    after: Option<&ListPoint>,
    limit: u64,
) -> Result<Vec<Document>, Fault> {
    // A document for which nobody chose an audience is not shown to anybody.
    let mut query = Entity::find()
        .filter(Column::Kind.eq(listing.kind.as_str()))
        .filter(Column::Audience.between(i32::from(Audience::Public), i32::from(listing.clearance)));
    if !listing.show_deleted {
        query = query.filter(Column::DeleteTime.is_null());
    }
    let keys = keys(listing.order);
    if let Some(after) = after {
        query = query.filter(beyond(&keys, after));
    }
    for (column, down) in keys {
        query = query.order_by(column, if down { Way::Desc } else { Way::Asc });
    }
    query.limit(at_most(limit)).all(db).await?.into_iter().map(from_row).collect()
}

/// The columns to order by, up to the name, which no two documents share.
fn keys(order: &Order) -> Vec<(Column, bool)> {
    let mut keys = Vec::new();
    for (field, down) in &order.fields {
        match field {
            OrderField::Name => {
                keys.push((Column::Name, *down));
                return keys;
            }
            OrderField::CreateTime => keys.push((Column::CreateTime, *down)),
            OrderField::UpdateTime => keys.push((Column::UpdateTime, *down)),
        }
    }
    keys.push((Column::Name, false));
    keys
}

/// What comes after a point: further by the first key, or equal by it and further by the second, and so on.
fn beyond(keys: &[(Column, bool)], point: &ListPoint) -> Condition {
    let further = |(column, down): (Column, bool)| {
        let value = point.value(column);
        if down { column.lt(value) } else { column.gt(value) }
    };
    let (mut any, mut equal) = (Condition::any(), Condition::all());
    for &key in keys {
        any = any.add(equal.clone().add(further(key)));
        equal = equal.add(key.0.eq(point.value(key.0)));
    }
    // Says the same once more about the first key alone, which lets the databases begin there in the index.
    let Some(&(column, down)) = keys.first() else { return any };
    let value = point.value(column);
    let begin = if down { column.lte(value) } else { column.gte(value) };
    Condition::all().add(begin).add(any)
}
