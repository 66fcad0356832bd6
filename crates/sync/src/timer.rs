//! The only clock there is.

use std::time::Duration;

use async_trait::async_trait;
use delta_core::Timestamp;

/// Tells the time and lets it pass. Tests put a virtual clock here, so that nothing waits for real.
#[async_trait]
pub trait Timer: Send + Sync {
    /// The time by the wall clock.
    fn now(&self) -> Timestamp;

    /// Returns after the duration.
    async fn sleep(&self, duration: Duration);
}

#[async_trait]
impl<T: Timer + ?Sized> Timer for std::sync::Arc<T> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    async fn sleep(&self, duration: Duration) {
        (**self).sleep(duration).await;
    }
}
