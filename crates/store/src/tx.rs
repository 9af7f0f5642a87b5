//! A unit of work.

use std::{sync::Arc, time::Instant};

use isopolity_domain::audit::Event;
use sea_orm::{
    ConnectionTrait as _, DatabaseTransaction, SqliteTransactionMode, TransactionOptions, TransactionTrait as _,
};
use tokio::sync::OwnedMutexGuard;

use crate::{Moment, Stop, StorageKind, Store, StoreError, audit, error::Fault, stop::pass};

/// A writing transaction. What it wrote exists once [`Tx::commit`] has returned; dropping it undoes everything.
///
/// After an error, or a call that was cancelled, it can't go on and can't be committed. Only
/// [`StoreError::Exists`] and [`StoreError::Erased`] leave it as it was.
pub struct Tx {
    // Dropped before the turn, so that the next writer finds the rollback under way.
    open: DatabaseTransaction,
    place: Arc<str>,
    label: &'static str,
    begun: Instant,
    /// A step began and has not ended well. SQLite undoes a whole transaction by itself on some errors and would then
    /// commit each further statement alone.
    broken: bool,
    /// What goes into the audit log with it.
    pub(crate) events: Vec<Event>,
    stop: Option<Stop>,
    _turn: OwnedMutexGuard<()>,
}

impl Store {
    /// Begins a writing transaction. There is one at a time: others wait for it, so it is to be short, and to begin a
    /// second one while holding one ends in [`StoreError::Busy`]. `label` says in errors and logs what it is for.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if others write for longer than 5 seconds.
    pub async fn begin(&self, label: &'static str) -> Result<Tx, StoreError> {
        let place = &self.inner.place;
        let turn = tokio::time::timeout(self.inner.limits.wait, Arc::clone(&self.inner.writer).lock_owned())
            .await
            .map_err(|elapsed| StoreError::Busy { place: Arc::clone(place), doing: label, source: elapsed.into() })?;
        let begun = Instant::now();
        let open = self.begin_alone().await.map_err(self.fault(label))?;
        Ok(Tx {
            open,
            place: Arc::clone(place),
            label,
            begun,
            broken: false,
            events: Vec::new(),
            stop: self.stop(),
            _turn: turn,
        })
    }

    async fn begin_alone(&self) -> Result<DatabaseTransaction, Fault> {
        let tx = begin_immediate(self.pool()).await?;
        if self.inner.kind == StorageKind::Postgresql {
            // Whoever holds this row writes. With it writers are serial, and commit in the order of their sequences.
            let wait = self.inner.limits.wait.as_millis();
            tx.execute_unprepared(&format!(
                "set transaction isolation level read committed; set local lock_timeout = {wait}; \
                 select 1 from feed for update"
            ))
            .await?;
        }
        Ok(tx)
    }
}

/// Begins a transaction that in SQLite holds the write lock from its start.
pub(crate) async fn begin_immediate(pool: &sea_orm::DatabaseConnection) -> Result<DatabaseTransaction, Fault> {
    let sqlite_transaction_mode = Some(SqliteTransactionMode::Immediate);
    Ok(pool.begin_with_options(TransactionOptions { sqlite_transaction_mode, ..Default::default() }).await?)
}

impl Tx {
    /// Makes everything that was written exist, all at once.
    ///
    /// # Errors
    /// [`StoreError::Full`] or [`StoreError::Busy`]: nothing was written, unless the connection to PostgreSQL broke just
    /// then. [`StoreError::Internal`] after an earlier error.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        let events = std::mem::take(&mut self.events);
        if !events.is_empty() {
            let appended = audit::append(self.step()?, events).await;
            self.done(appended)?;
        }
        self.step()?;
        let Self { open, place, label, begun, stop, .. } = self;
        pass(stop.as_ref(), label, Moment::Before).await;
        open.commit().await.map_err(|error| Fault::from(error).at(&place, label))?;
        tracing::debug!(store.tx = label, held_ms = begun.elapsed().as_millis(), "committed");
        pass(stop.as_ref(), label, Moment::After).await;
        Ok(())
    }

    /// Begins a step. [`Tx::done`] ends it.
    pub(crate) fn step(&mut self) -> Result<&DatabaseTransaction, StoreError> {
        if self.broken {
            return Err(Fault::Damaged("an earlier step of this transaction was not done".to_owned())
                .at(&self.place, self.label));
        }
        self.broken = true;
        Ok(&self.open)
    }

    /// Ends a step.
    pub(crate) fn done<T>(&mut self, result: Result<T, Fault>) -> Result<T, StoreError> {
        self.broken = !matches!(result, Ok(_) | Err(Fault::Exists(_) | Fault::Erased(_)));
        result.map_err(|fault| fault.at(&self.place, self.label))
    }
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Tx").field(&self.label).finish()
    }
}
