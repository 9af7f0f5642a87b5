//! What imports leave behind: how far they came, and the rows that they did not take.

use bytes::Bytes;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, sea_query::OnConflict,
};
use time::OffsetDateTime;

use crate::{
    NAMES_AT_ONCE, ROWS_AT_ONCE, Store, StoreError, Tx, at_most,
    entity::{import_run, quarantine},
    error::Fault,
    micros::{from_micros, to_micros},
};

/// An import, under way or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRun {
    /// Its id, a UUID of version 7: ids are in the order in which imports began.
    pub id: String,
    /// When it began. Kept to the microsecond.
    pub begin_time: OffsetDateTime,
    /// When it was last heard of. Kept to the microsecond.
    pub update_time: OffsetDateTime,
    /// Who began it: the id of a token, or `node`.
    pub author: String,
    /// How far it has come: an encoded `isopolity.registry.v1.ImportRun`.
    pub state: Bytes,
}

/// A row that was not taken and waits to be corrected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Its id, a UUID of version 7.
    pub id: String,
    /// The import that brought it last.
    pub import_id: String,
    /// Where it stood in the file.
    pub line: i64,
    /// When it was brought. Kept to the microsecond.
    pub create_time: OffsetDateTime,
    /// The row and what is wrong with it: an encoded `isopolity.registry.v1.QuarantinedRow`.
    pub body: Bytes,
    /// What makes two rows the same row, a hash of format and content.
    pub key: Vec<u8>,
}

impl Store {
    /// The imports that began before one, the latest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn imports(&self, before: Option<&str>, limit: u64) -> Result<Vec<ImportRun>, StoreError> {
        imports(self.pool(), before, limit).await.map_err(self.fault("read imports"))
    }

    /// One import.
    ///
    /// # Errors
    /// What the database says.
    pub async fn import_run(&self, id: &str) -> Result<Option<ImportRun>, StoreError> {
        import_run(self.pool(), id).await.map_err(self.fault("read import"))
    }

    /// The rows in quarantine, of one import or of all, in order of their ids, from the first after `after`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn quarantined_rows(
        &self,
        import: Option<&str>,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Vec<Quarantined>, StoreError> {
        rows(self.pool(), import, after, limit).await.map_err(self.fault("read quarantine"))
    }

    /// One row in quarantine.
    ///
    /// # Errors
    /// What the database says.
    pub async fn quarantined(&self, id: &str) -> Result<Option<Quarantined>, StoreError> {
        row(self.pool(), id).await.map_err(self.fault("read quarantine"))
    }
}

impl Tx {
    /// Adds an import or replaces what is known of it, except when and by whom it was begun.
    ///
    /// # Errors
    /// What the database says.
    pub async fn put_import(&mut self, import: &ImportRun) -> Result<(), StoreError> {
        let put = put_import(self.step()?, import).await;
        self.done(put)
    }

    /// Puts rows into quarantine. A row whose key is there already replaces that one and takes over its id; of several
    /// with one key the last counts.
    ///
    /// # Errors
    /// What the database says.
    pub async fn put_quarantined(&mut self, rows: &[Quarantined]) -> Result<(), StoreError> {
        let put = put_rows(self.step()?, rows).await;
        self.done(put)
    }

    /// Takes a row out of quarantine. `false` if it is not there.
    ///
    /// # Errors
    /// What the database says.
    pub async fn remove_quarantined(&mut self, id: &str) -> Result<bool, StoreError> {
        let removed = remove(self.step()?, id).await;
        self.done(removed)
    }

    /// Takes the rows with these keys out of quarantine, those that are there.
    ///
    /// # Errors
    /// What the database says.
    pub async fn remove_quarantined_by_key(&mut self, keys: &[Vec<u8>]) -> Result<(), StoreError> {
        let removed = remove_by_key(self.step()?, keys).await;
        self.done(removed)
    }
}

/// PostgreSQL has no way to ask for a text with a zero byte; no id has one.
fn askable(id: &str) -> bool {
    !id.contains('\0')
}

async fn imports(db: &impl ConnectionTrait, before: Option<&str>, limit: u64) -> Result<Vec<ImportRun>, Fault> {
    let mut query = import_run::Entity::find();
    if let Some(before) = before.filter(|id| askable(id)) {
        query = query.filter(import_run::Column::Id.lt(before));
    }
    let rows = query.order_by_desc(import_run::Column::Id).limit(at_most(limit)).all(db).await?;
    rows.into_iter().map(run_from_row).collect()
}

async fn import_run(db: &impl ConnectionTrait, id: &str) -> Result<Option<ImportRun>, Fault> {
    if !askable(id) {
        return Ok(None);
    }
    import_run::Entity::find_by_id(id.to_owned()).one(db).await?.map(run_from_row).transpose()
}

async fn rows(
    db: &impl ConnectionTrait,
    import: Option<&str>,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<Quarantined>, Fault> {
    use quarantine::Column;
    let mut query = quarantine::Entity::find();
    if let Some(import) = import {
        if !askable(import) {
            return Ok(Vec::new());
        }
        query = query.filter(Column::ImportId.eq(import));
    }
    if let Some(after) = after.filter(|id| askable(id)) {
        query = query.filter(Column::Id.gt(after));
    }
    let rows = query.order_by_asc(Column::Id).limit(at_most(limit)).all(db).await?;
    rows.into_iter().map(quarantined_from_row).collect()
}

async fn row(db: &impl ConnectionTrait, id: &str) -> Result<Option<Quarantined>, Fault> {
    if !askable(id) {
        return Ok(None);
    }
    quarantine::Entity::find_by_id(id.to_owned()).one(db).await?.map(quarantined_from_row).transpose()
}

async fn put_import(db: &impl ConnectionTrait, import: &ImportRun) -> Result<(), Fault> {
    use import_run::{ActiveModel, Column, Entity};
    let row = ActiveModel {
        id: Set(import.id.clone()),
        begin_time: Set(to_micros(import.begin_time)),
        update_time: Set(to_micros(import.update_time)),
        author: Set(import.author.clone()),
        state: Set(import.state.to_vec()),
    };
    let replace = OnConflict::column(Column::Id).update_columns([Column::UpdateTime, Column::State]).to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

async fn put_rows(db: &impl ConnectionTrait, rows: &[Quarantined]) -> Result<(), Fault> {
    use quarantine::{ActiveModel, Column, Entity};
    // PostgreSQL refuses a statement that meets one row twice.
    let last: std::collections::BTreeMap<&[u8], &Quarantined> =
        rows.iter().map(|row| (row.key.as_slice(), row)).collect();
    let rows: Vec<&Quarantined> = last.into_values().collect();
    for rows in rows.chunks(ROWS_AT_ONCE) {
        let rows = rows.iter().map(|row| ActiveModel {
            id: Set(row.id.clone()),
            import_id: Set(row.import_id.clone()),
            line: Set(row.line),
            create_time: Set(to_micros(row.create_time)),
            body: Set(row.body.to_vec()),
            key: Set(row.key.clone()),
        });
        let replace = OnConflict::column(Column::Key)
            .update_columns([Column::ImportId, Column::Line, Column::CreateTime, Column::Body])
            .to_owned();
        Entity::insert_many(rows).on_conflict(replace).exec_without_returning(db).await?;
    }
    Ok(())
}

async fn remove(db: &impl ConnectionTrait, id: &str) -> Result<bool, Fault> {
    if !askable(id) {
        return Ok(false);
    }
    Ok(quarantine::Entity::delete_by_id(id.to_owned()).exec(db).await?.rows_affected == 1)
}

async fn remove_by_key(db: &impl ConnectionTrait, keys: &[Vec<u8>]) -> Result<(), Fault> {
    for keys in keys.chunks(NAMES_AT_ONCE) {
        let these = quarantine::Column::Key.is_in(keys.iter().cloned());
        quarantine::Entity::delete_many().filter(these).exec(db).await?;
    }
    Ok(())
}

fn run_from_row(row: import_run::Model) -> Result<ImportRun, Fault> {
    Ok(ImportRun {
        id: row.id,
        begin_time: from_micros(row.begin_time)?,
        update_time: from_micros(row.update_time)?,
        author: row.author,
        state: row.state.into(),
    })
}

fn quarantined_from_row(row: quarantine::Model) -> Result<Quarantined, Fault> {
    Ok(Quarantined {
        id: row.id,
        import_id: row.import_id,
        line: row.line,
        create_time: from_micros(row.create_time)?,
        body: row.body.into(),
        key: row.key,
    })
}
